#include "rank.h"

#include "lexicon.h"
#include "odd.h"

#include <math.h>
#include <string.h>

#define K1             1.5F
#define B              0.75F
#define NEAR           0.4F  /* of the score of the unit beside it */
#define FAR            0.15F /* and of the one behind that */
#define FEEDBACK_UNITS 8
#define FEEDBACK_TERMS 12
#define FEEDBACK       0.3F
#define ALIKE          0.5F /* weight of a word that shares its fours with one that is asked for */
#define MIN_ALIKE      0.4F /* share of them */
#define MAX_ASKED      64   /* words of the question that are compared by their spelling */
#define COST_EXPONENT  0.25F
#define USUAL_TOKENS   16.0F
#define GUESS          0.5F /* weight of a question that nobody put */
#define REPEATED_LINE  0.1F /* what is left of the score of a line that a later one repeats */
#define SURE           0.6F /* share of the question's words that a sure answer has */
#define WORTH          0.3F /* of what needs no question, beside the best answer */
#define ODD            0.5F /* of a line unlike the others of its text, beside its words */

struct ranking {
    struct unit_list *list;
    float *asked;  /* by term: how much the question wants it */
    float *weight; /* the same times how rare it is */
    float *score;
    float *rarity; /* by term */
    float mean_terms;
    float ideal; /* about what a unit scores that has every word asked for */
};

static bool find_rarity(struct ranking *r)
{
    const struct term_dictionary *d = &r->list->terms;
    float n = (float)r->list->n;

    r->rarity = arena_alloc(r->list->arena, d->n * sizeof(*r->rarity));
    for (uint32_t t = 0; r->rarity && t < d->n; t++) {
        float df = t == TERM_RARE ? 0 : (float)d->term[t].df;
        r->rarity[t] = logf(1.0F + (n - df + 0.5F) / (df + 0.5F));
    }
    return r->rarity != NULL;
}

static void count_texts(struct ranking *r)
{
    struct unit_list *l = r->list;

    for (size_t i = 0; i < l->n; i++) {
        const struct unit *u = &l->unit[i];
        for (size_t k = 0; k < u->n_terms; k++) {
            struct term *t = &l->terms.term[l->term[u->first_term + k]];
            t->df += t->last != i + 1;
            t->last = (uint32_t)i + 1;
        }
    }
    r->mean_terms = l->n ? (float)l->n_terms / (float)l->n + 1.0F : 1.0F;
}

/* A unit has few words that are asked for: the same ones are counted together. */
static float bm25(const struct ranking *r, const struct unit *u)
{
    enum { MAX_HITS = 32 };
    uint32_t hit[MAX_HITS];
    float times[MAX_HITS], sum = 0;
    size_t n = 0;
    const uint32_t *term = r->list->term + u->first_term;

    for (size_t i = 0; i < u->n_terms; i++) {
        if (r->weight[term[i]] <= 0)
            continue;
        size_t h = 0;
        while (h < n && hit[h] != term[i])
            h++;
        if (h == MAX_HITS)
            continue;
        if (h == n) {
            hit[n] = term[i];
            times[n++] = 0;
        }
        times[h]++;
    }
    float length = K1 * (1 - B + B * (float)u->n_terms / r->mean_terms);
    for (size_t h = 0; h < n; h++)
        sum += r->weight[hit[h]] * times[h] * (K1 + 1) / (times[h] + length);
    return sum;
}

static void score_units(struct ranking *r)
{
    const struct unit_list *l = r->list;

    for (uint32_t t = 1; t < l->terms.n; t++)
        r->weight[t] = r->asked[t] > 0 ? r->asked[t] * r->rarity[t] : 0;
    r->weight[TERM_RARE] = 0;
    for (size_t i = 0; i < l->n; i++)
        r->score[i] = bm25(r, &l->unit[i]);
}

static bool shares_four(struct str word, const char *four)
{
    return memmem(word.data, word.len, four, 4) != NULL;
}

/* Share of the fours of both words that are in both. */
static float likeness(struct str a, struct str b)
{
    size_t shared = 0, fours = a.len + b.len - 6;

    for (size_t i = 0; i + 4 <= a.len; i++)
        shared += shares_four(b, a.data + i);
    return shared ? (float)shared / (float)(fours - shared) : 0;
}

/* deploy, deployment, redeployed: the question means them all. */
static void widen(struct ranking *r, const struct term_list *question)
{
    struct term_dictionary *d = &r->list->terms;
    uint64_t fours[64] = {0}; /* a filter: a bit for each four that is asked for */
    size_t n = question->n < MAX_ASKED ? question->n : MAX_ASKED;

#define FOUR_BIT(p)                                                                                \
    ((unsigned)((unsigned char)(p)[0] * 33U ^ (unsigned char)(p)[1] * 517U ^                       \
                (unsigned char)(p)[2] * 1031U ^ (unsigned char)(p)[3] * 2053U) %                   \
     4096)
    for (size_t q = 0; q < n; q++) {
        struct str word = d->term[question->id[q]].word;
        for (size_t i = 0; i + 4 <= word.len; i++)
            fours[FOUR_BIT(word.data + i) / 64] |= UINT64_C(1) << FOUR_BIT(word.data + i) % 64;
    }
    for (uint32_t t = 1; t < d->n; t++) {
        struct str word = d->term[t].word;
        unsigned common = 0;
        if (d->term[t].df == 0 || r->asked[t] > 0)
            continue;
        for (size_t i = 0; i + 4 <= word.len; i++)
            common += fours[FOUR_BIT(word.data + i) / 64] >> FOUR_BIT(word.data + i) % 64 & 1;
        if (common == 0)
            continue;
        float best = 0;
        for (size_t q = 0; q < n; q++) {
            struct str asked = d->term[question->id[q]].word;
            float alike = asked.len < 4 ? 0 : likeness(word, asked);
            best = alike > best ? alike : best;
        }
        if (best >= MIN_ALIKE)
            r->asked[t] = ALIKE * best;
    }
#undef FOUR_BIT
}

/* The best units, best first. */
static size_t find_best(const struct ranking *r, size_t *best, size_t max)
{
    size_t n = 0;

    for (size_t i = 0; i < r->list->n; i++) {
        if (r->score[i] <= 0 || (n == max && r->score[i] <= r->score[best[n - 1]]))
            continue;
        size_t at = n < max ? n++ : n - 1;
        for (; at > 0 && r->score[best[at - 1]] < r->score[i]; at--)
            best[at] = best[at - 1];
        best[at] = i;
    }
    return n;
}

struct feedback_term {
    uint32_t term;
    float weight;
};

static size_t weigh_terms(const struct ranking *r, const size_t *best, size_t n, float *sum,
                          struct feedback_term *top)
{
    size_t n_top = 0;
    const struct unit_list *l = r->list;

    for (size_t b = 0; b < n; b++) {
        const struct unit *u = &l->unit[best[b]];
        for (size_t k = 0; k < u->n_terms; k++)
            sum[l->term[u->first_term + k]] +=
                r->score[best[b]] / r->score[best[0]] / (float)u->n_terms;
    }
    for (size_t b = 0; b < n; b++) {
        const struct unit *u = &l->unit[best[b]];
        for (size_t k = 0; k < u->n_terms; k++) {
            uint32_t term = l->term[u->first_term + k];
            float weight = sum[term];
            sum[term] = 0;
            if (term == TERM_RARE || weight <= 0 ||
                (n_top == FEEDBACK_TERMS && weight <= top[n_top - 1].weight))
                continue;
            size_t at = n_top < FEEDBACK_TERMS ? n_top++ : n_top - 1;
            for (; at > 0 && top[at - 1].weight < weight; at--)
                top[at] = top[at - 1];
            top[at] = (struct feedback_term){term, weight};
        }
    }
    return n_top;
}

/* What the best answers say is asked for, too. */
static bool feed_back(struct ranking *r)
{
    size_t best[FEEDBACK_UNITS];
    struct feedback_term top[FEEDBACK_TERMS];
    float asked = 0, fed = 0;

    size_t n = find_best(r, best, FEEDBACK_UNITS);
    if (n == 0)
        return true;
    float *sum = arena_alloc(r->list->arena, r->list->terms.n * sizeof(*sum));
    if (!sum)
        return false;
    size_t n_top = weigh_terms(r, best, n, sum, top);
    for (size_t i = 0; i < n_top; i++)
        fed += top[i].weight;
    for (uint32_t t = 0; t < r->list->terms.n; t++)
        asked += r->asked[t];
    if (fed <= 0 || asked <= 0)
        return true;
    for (uint32_t t = 0; t < r->list->terms.n; t++)
        r->asked[t] *= (1 - FEEDBACK) / asked;
    for (size_t i = 0; i < n_top; i++)
        r->asked[top[i].term] += FEEDBACK * top[i].weight / fed;
    score_units(r);
    return true;
}

/* Lines of one text; messages that follow each other. */
static bool are_near(const struct unit_list *l, size_t a, size_t b)
{
    if (b >= l->n || l->unit[a].source == l->unit[b].source)
        return b < l->n;
    const struct unit_source *x = &l->source[l->unit[a].source], *y = &l->source[l->unit[b].source];
    return l->unit[a].is_whole && l->unit[b].is_whole && x->kind == PIECE_PROSE &&
           y->kind == PIECE_PROSE;
}

static void smooth(struct ranking *r, float *to)
{
    const struct unit_list *l = r->list;

    memcpy(to, r->score, l->n * sizeof(*to));
    for (size_t i = 0; i < l->n; i++) {
        if (!are_near(l, i, i + 1))
            continue;
        to[i] += NEAR * r->score[i + 1];
        to[i + 1] += NEAR * r->score[i];
        if (i + 2 >= l->n || !are_near(l, i + 1, i + 2))
            continue;
        to[i] += FAR * r->score[i + 2];
        to[i + 2] += FAR * r->score[i];
    }
}

/* 0 to 1: values that nothing else says, lines unlike the rest. */
static float worth(const struct ranking *r, const struct unit *u, float most)
{
    const struct unit_list *l = r->list;
    float values = 0, rare = 0;

    for (size_t k = 0; k < u->n_terms; k++) {
        uint32_t id = l->term[u->first_term + k];
        const struct term *t = &l->terms.term[id];
        rare += r->rarity[id] / most;
        if (id == TERM_RARE || (t->has_digit && t->df <= 2))
            values += t->word.len >= 6 || id == TERM_RARE ? 1.0F : (float)t->word.len / 6;
    }
    if (u->n_terms > 0)
        rare /= (float)u->n_terms;
    return 0.5F * (values > 2 ? 1.0F : values / 2) + 0.5F * rare;
}

static uint64_t content_hash(const struct unit_list *l, const struct unit *u)
{
    uint64_t hash = u->n_terms;

    for (size_t k = 0; k < u->n_terms; k++)
        hash = (hash ^ l->term[u->first_term + k]) * UINT64_C(0x9e3779b97f4a7c15) + 1;
    return hash ^ hash >> 31;
}

/* Of lines that have the same words the last counts. */
static bool discount_repeats(struct ranking *r)
{
    const struct unit_list *l = r->list;
    size_t size = 64;

    while (size < 2 * l->n)
        size *= 2;
    uint64_t *seen = arena_alloc(l->arena, size * sizeof(*seen));
    if (!seen)
        return false;
    for (size_t i = l->n; i-- > 0;) {
        uint64_t hash = content_hash(l, &l->unit[i]) | 1;
        size_t at = hash >> 8, probes = 0;
        for (; seen[at & (size - 1)] && seen[at & (size - 1)] != hash && probes < 32; probes++)
            at++;
        l->unit[i].is_repeat = seen[at & (size - 1)] == hash;
        if (l->unit[i].is_repeat)
            l->unit[i].score *= REPEATED_LINE;
        else
            seen[at & (size - 1)] = hash;
    }
    return true;
}

static bool ask(struct ranking *r, const struct rank_question *questions, size_t n)
{
    struct unit_list *l = r->list;
    size_t bytes = 0;

    for (size_t i = 0; i < n; i++)
        bytes += TERM_ROOM(questions[i].text.len);
    uint32_t *id = arena_alloc(l->arena, bytes * sizeof(*id));
    struct term_list *found = arena_alloc(l->arena, n * sizeof(*found) + 1);
    if (!id || !found)
        return false;
    struct term_list all = {.id = id};
    for (size_t i = 0; i < n; i++) {
        found[i] = (struct term_list){.id = id + all.n};
        term_scan(&l->terms, questions[i].text, &found[i]);
        all.n += found[i].n;
    }
    /* Only now is it known how many terms there are. */
    r->asked = arena_alloc(l->arena, l->terms.n * sizeof(*r->asked));
    r->weight = arena_alloc(l->arena, l->terms.n * sizeof(*r->weight));
    if (!r->asked || !r->weight)
        return false;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < found[i].n; k++)
            r->asked[found[i].id[k]] += questions[i].weight;
    r->asked[TERM_RARE] = 0;
    if (!find_rarity(r))
        return false;
    for (uint32_t t = 0; t < l->terms.n; t++)
        r->ideal += r->asked[t] * r->rarity[t];
    widen(r, &all);
    return true;
}

/* 0 to 1: is the best answer one, or did it only share a word with the question? */
static float sure_of(const struct ranking *r)
{
    float best = 0;

    for (size_t i = 0; i < r->list->n; i++)
        best = r->score[i] > best ? r->score[i] : best;
    float share = r->ideal > 0 ? best / (SURE * r->ideal) : 0;
    return share < 1 ? share : 1;
}

bool rank_units(struct unit_list *l, const struct rank_question *questions, size_t n, bool is_asked)
{
    struct ranking r = {.list = l};
    float best = 0;

    r.score = arena_alloc(l->arena, l->n * sizeof(*r.score));
    float *smoothed = arena_alloc(l->arena, l->n * sizeof(*smoothed));
    float *charge = arena_alloc(l->arena, l->n * sizeof(*charge));
    const float *odd = odd_units(l);
    if (!r.score || !smoothed || !charge || !odd)
        return false;
    count_texts(&r);
    if (!ask(&r, questions, n))
        return false;
    score_units(&r);
    float match = sure_of(&r) * (is_asked ? 1 : GUESS);
    if (!feed_back(&r))
        return false;
    smooth(&r, smoothed);
    for (size_t i = 0; i < l->n; i++) {
        charge[i] = powf((float)l->unit[i].tokens / USUAL_TOKENS, -COST_EXPONENT);
        smoothed[i] *= charge[i];
        best = smoothed[i] > best ? smoothed[i] : best;
    }
    float most = logf(1.0F + 2.0F * (float)l->n);
    for (size_t i = 0; i < l->n; i++) {
        struct unit *u = &l->unit[i];
        u->relevance = best > 0 ? match * smoothed[i] / best : 0;
        u->score = u->relevance + WORTH * charge[i] * (worth(&r, u, most) + ODD * odd[i]);
    }
    return discount_repeats(&r);
}
