#include "named.h"

#include "cut.h"

#include <math.h>
#include <string.h>

#define MAX_SENTENCES 32    /* bits of a mask */
#define MAX_WORDS     24    /* of each; what is longer is no question */
#define REACH         12    /* units from one word to another */
#define FADE          0.06F /* of a word with each of them */
#define BORROWED      0.7F  /* of a unit that has but its neighbours' words */
#define SURE          0.6F  /* share of the words that is enough */
#define OWN           0.3F  /* share of them that a unit must have itself to count in full */
#define RARE_WORDS    1.3F  /* what names something is as rare as so many words said once */

struct sentence {
    uint32_t word[MAX_WORDS];
    float rarity[MAX_WORDS], all;
    size_t n;
    uint32_t source,
        seen[MAX_WORDS]; /* the source walked through, where each word was last in it */
};

struct naming {
    struct unit_list *list;
    uint32_t *mask, terms; /* by term: the sentences that have it */
    struct sentence *sentence;
    size_t n;
    float rarest;
};

static float rarity(const struct unit_list *l, uint32_t df)
{
    return logf(1.0F + ((float)l->n - (float)df + 0.5F) / ((float)df + 0.5F));
}

/* Words that no unit has are left out: nothing could be found by them. */
static bool add_sentence(struct naming *m, struct str text)
{
    struct term_dictionary *d = &m->list->terms;
    struct sentence *s = &m->sentence[m->n];
    struct term_list found = {
        .id = arena_alloc(m->list->arena, TERM_ROOM(text.len) * sizeof(*found.id))};

    if (!found.id)
        return false;
    term_scan(d, text, &found);
    for (size_t i = 0; i < found.n && s->n < MAX_WORDS; i++) {
        uint32_t id = found.id[i];
        if (id == TERM_RARE || id >= m->terms || d->term[id].df == 0 || m->mask[id] >> m->n & 1)
            continue;
        m->mask[id] |= 1U << m->n;
        s->word[s->n] = id;
        s->rarity[s->n] = rarity(m->list, d->term[id].df);
        s->all += s->rarity[s->n++];
    }
    m->n += s->n > 0;
    return true;
}

static bool read_question(struct naming *m, struct str text)
{
    while (m->n < MAX_SENTENCES) {
        size_t blanks = cut_blanks(text);
        text = (struct str){text.data + blanks, text.len - blanks};
        if (text.len == 0)
            return true;
        size_t len = cut_question(text);
        if (!add_sentence(m, (struct str){text.data, len}))
            return false;
        text = (struct str){text.data + len, text.len - len};
    }
    return true;
}

static float least(float a, float b)
{
    return a < b ? a : b;
}

/* What unit `i` and those before it have of the sentence, or with `back` those behind it. */
static float judge(struct naming *m, struct sentence *s, uint32_t bit, size_t i)
{
    const struct unit_list *l = m->list;
    const struct unit *u = &l->unit[i];
    float own = 0, sum = 0;

    if (s->source != u->source + 1) {
        memset(s->seen, 0, sizeof(s->seen));
        s->source = u->source + 1;
    }
    for (size_t k = 0; k < u->n_terms; k++) {
        uint32_t id = l->term[u->first_term + k];
        for (size_t w = 0; m->mask[id] & bit && w < s->n; w++)
            if (s->word[w] == id) {
                own += s->seen[w] == i + 1 ? 0 : s->rarity[w];
                s->seen[w] = (uint32_t)i + 1;
            }
    }
    for (size_t w = 0; w < s->n; w++) {
        size_t at = s->seen[w], far = at > i + 1 ? at - i - 1 : i + 1 - at;
        sum += at > 0 && far <= REACH ? s->rarity[w] * (1 - FADE * (float)far) : 0;
    }
    return least(1, sum / (SURE * s->all)) * least(1, sum / (RARE_WORDS * m->rarest)) *
           (BORROWED + (1 - BORROWED) * least(1, own / (OWN * s->all)));
}

static void walk(struct naming *m, size_t i)
{
    struct unit *u = &m->list->unit[i];
    uint32_t mask = 0;

    for (size_t k = 0; k < u->n_terms; k++)
        mask |= m->mask[m->list->term[u->first_term + k]];
    for (size_t s = 0; mask; s++, mask >>= 1) {
        float named = mask & 1 ? judge(m, &m->sentence[s], 1U << s, i) : 0;
        u->named = named > u->named ? named : u->named;
    }
}

bool named_units(struct unit_list *l, const struct rank_question *questions, size_t n)
{
    struct naming m = {.list = l,
                       .terms = l->terms.n,
                       .mask = arena_alloc(l->arena, l->terms.n * sizeof(*m.mask)),
                       .sentence = arena_alloc(l->arena, MAX_SENTENCES * sizeof(*m.sentence)),
                       .rarest = rarity(l, 1)};

    if (!m.mask || !m.sentence)
        return false;
    for (size_t i = 0; i < n; i++)
        if (questions[i].weight >= 1 && !read_question(&m, questions[i].text))
            return false;
    if (m.n == 0)
        return true;
    for (size_t i = 0; i < l->n; i++)
        walk(&m, i);
    for (size_t s = 0; s < m.n; s++)
        m.sentence[s].source = 0;
    for (size_t i = l->n; i-- > 0;)
        walk(&m, i);
    return true;
}
