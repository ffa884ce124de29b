#include "extract.h"

#include "claim.h"
#include "named.h"
#include "order.h"
#include "rank.h"

#define MAX_PROBES    12
#define CLOSE         200 /* the search ends with less than one in so many tokens of the goal left */
#define MAX_HALVINGS  7
#define MAX_QUESTIONS 16
#define TASK_WEIGHT   0.3F /* of the first thing the user said, and of what tools are asked now */

struct asking {
    struct arena *arena;
    struct rank_question *question;
    size_t n;
    enum piece_kind kind;
    float weight;
};

static void add_question(void *arg, const struct piece *p)
{
    struct asking *k = arg;
    struct str text;

    if (p->kind != k->kind || k->n == MAX_QUESTIONS)
        return;
    if (json_is(p->text, JSON_OBJECT))
        text = p->text->raw;
    else if (!json_string(p->text, k->arena, &text))
        return;
    k->question[k->n++] = (struct rank_question){text, k->weight};
}

static void ask_message(struct asking *k, const struct conversation_message *m,
                        enum piece_kind kind, float weight)
{
    k->kind = kind;
    k->weight = weight;
    piece_each(m->json, m->role, add_question, k);
}

/* What the user said last, and in the course of a task what it is and which tools were called last.
 */
static void ask_conversation(struct asking *k, const struct conversation *c)
{
    size_t last = c->n, first = c->n, call = c->n;

    for (size_t i = 0; i < c->n; i++) {
        if (c->message[i].role == ROLE_USER) {
            first = first == c->n ? i : first;
            last = i;
        }
        if (c->message[i].role == ROLE_ASSISTANT)
            call = i;
    }
    if (last < c->n)
        ask_message(k, &c->message[last], PIECE_PROSE, 1);
    if (!conversation_has_task(c))
        return;
    if (first < last)
        ask_message(k, &c->message[first], PIECE_PROSE, TASK_WEIGHT);
    if (call < c->n)
        ask_message(k, &c->message[call], PIECE_CALL, TASK_WEIGHT);
}

static bool rank(struct extract *x, const struct conversation *c, struct str query)
{
    struct rank_question question[MAX_QUESTIONS] = {{query, 1}};
    struct asking k = {.arena = c->arena, .question = question, .n = query.len > 0};

    /* In the course of a task the last words may be no more than "go on". */
    bool is_task = conversation_has_task(c), is_asked = query.len > 0 || !is_task;
    if (query.len == 0)
        ask_conversation(&k, c);
    if (!rank_units(&x->units, question, k.n, is_asked))
        return false;
    return !is_task ||
           (named_units(&x->units, question, k.n) && claim_classes(&x->units, is_asked));
}

/* The most elements of the order that fit. */
struct search {
    struct draft *draft;
    const struct order *order;
    uint64_t goal;
    size_t fits, over; /* numbers of elements */
    uint64_t fits_tokens, over_tokens;
    unsigned misses, hits; /* one after the other: guesses that were over, that fit */
};

static size_t leap(const struct search *s, unsigned times)
{
    unsigned halvings = times < MAX_HALVINGS ? MAX_HALVINGS - times : 1;

    return times < 2 ? 0 : (s->over - s->fits) >> halvings;
}

/* Where the costs of the elements say that the goal is met. */
static size_t guess(const struct search *s)
{
    uint64_t left = s->goal - s->fits_tokens, sum = 0, all = 0;
    double scale = 1;

    for (size_t i = s->fits; i < s->over && i < s->order->n && s->over_tokens > s->fits_tokens; i++)
        all += s->order->element[i].tokens;
    if (all > 0)
        scale = (double)(s->over_tokens - s->fits_tokens) / (double)all;
    size_t n = s->fits;
    while (n < s->over && (double)(sum += s->order->element[n].tokens) * scale <= (double)left)
        n++;
    /* Many elements may cost nothing, or one of them much: who misses time and again leaps. */
    n += leap(s, s->hits);
    size_t back = leap(s, s->misses);
    return n <= s->fits + back ? s->fits + 1 : n - back >= s->over ? s->over - 1 : n - back;
}

/* False when not even the first 0 do. */
static bool search(struct search *s)
{
    s->fits_tokens = draft_measure(s->draft, 0);
    if (s->fits_tokens > s->goal)
        return false;
    s->over = s->order->n + 1;
    s->over_tokens = s->draft->c->tokens; /* about what keeping all of it comes to */
    for (unsigned probe = 0; probe < MAX_PROBES && s->over - s->fits > 1; probe++) {
        size_t n = guess(s);
        uint64_t tokens = draft_measure(s->draft, n);
        if (tokens <= s->goal) {
            s->fits = n;
            s->fits_tokens = tokens;
            s->hits++;
            s->misses = 0;
        } else {
            s->over = n;
            s->over_tokens = tokens == UINT64_MAX ? 0 : tokens;
            s->misses++;
            s->hits = 0;
        }
        if (s->goal - s->fits_tokens <= s->goal / CLOSE)
            break;
    }
    return true;
}

bool extract_apply(struct extract *x, struct conversation *c, const struct extract_options *options)
{
    struct order order;

    *x = (struct extract){
        .draft = {.c = c, .units = &x->units, .order = &order, .end = options->end}};
    if (!unit_collect(&x->units, c->arena, c, options->end) || !rank(x, c, options->query) ||
        !order_make(&order, &x->units, c, options->end) || !draft_init(&x->draft, options->goal)) {
        c->is_full = true;
        draft_done(&x->draft);
        return false;
    }
    if (options->summary.len > 0 && str_is(options->summary_key, x->draft.blocks.key)) {
        x->draft.summary = options->summary;
        x->has_summary = true;
    }
    struct search s = {.draft = &x->draft, .order = &order, .goal = options->goal};
    bool found = search(&s);
    if (!found && x->has_summary) { /* it may be what is too long */
        x->draft.summary = STR_EMPTY;
        x->has_summary = false;
        found = search(&s);
    }
    c->is_full |= x->draft.is_full;
    if (found && !c->is_full) {
        c->is_full = !draft_apply(&x->draft, s.fits);
        draft_done(&x->draft);
        return true;
    }
    draft_done(&x->draft);
    for (size_t g = 0; g < options->end; g++)
        c->group[g].is_folded = false;
    return false;
}
