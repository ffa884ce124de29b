#include "turn.h"

#include "base/digest.h"
#include "epoch.h"

#include <stdio.h>
#include <string.h>

#define FORMAT          "1"                  /* of what goes into the digest of a configuration */
#define CACHE_LIFE      (300 * USEC_PER_SEC) /* of a prompt in a provider's cache, without use */
#define WRITE_ANTHROPIC 1.25
#define WRITE_OTHERS    1.0
#define FROM_SOURCE     4 /* up to so many budgets the whole conversation is looked at again */
#define SESSION_DIGITS  16

struct taking {
    struct arena *arena;
    const struct turn_means *means;
    const struct turn_request *request;
    struct context_scope scope;
    struct epoch_water water;
    struct epoch_chain chain;
    bool has_epoch;
    struct context_epoch epoch;
    uint64_t new_tokens, new_turns; /* since the epoch, or ever */
    struct turn *ret;
};

static uint64_t tokens_of(const struct taking *t, const struct json_value *message)
{
    return counter_message(t->means->counter, message);
}

static bool is_by_model(const struct json_value *message)
{
    const struct json_value *role = json_get(message, "role"), *type = json_get(message, "type");

    return role ? str_is(role->raw, "\"assistant\"")
                : type && str_is(type->raw, "\"function_call\"");
}

static bool is_by_user(const struct json_value *message)
{
    const struct json_value *role = json_get(message, "role");

    return role && str_is(role->raw, "\"user\"");
}

/* By what it begins with, up to the first thing that the user said. Sessions that begin alike share
 * the name; what is frozen belongs to its exact messages. Empty when the arena is full. */
static struct str name_session(struct arena *a, const struct json_value *messages)
{
    uint8_t all[DIGEST_SIZE] = {0}, both[2 * DIGEST_SIZE];
    char digits[2 * SESSION_DIGITS + 1];

    for (const struct json_value *m = messages->child; m; m = m->next) {
        memcpy(both, all, DIGEST_SIZE);
        digest_sha256(m->raw, both + DIGEST_SIZE);
        digest_sha256((struct str){(const char *)both, sizeof(both)}, all);
        if (is_by_user(m))
            break;
    }
    digest_hex(all, SESSION_DIGITS, digits);
    return str_from(arena_printf(a, "auto-%s", digits));
}

/* ---- what is known ---- */

static bool name_config(const struct taking *t, uint8_t *ret)
{
    const struct turn_request *r = t->request;
    const struct condense_options *o = &r->options;
    struct str pin = o->pin ? o->pin->raw : STR_EMPTY;
    const char *text =
        arena_printf(t->arena, "%s\n%.*s\n%.*s\n%s\n%zu\n%g\n%g\n%.*s", FORMAT, STR_ARG(r->model),
                     STR_ARG(o->dialect), condense_mode_text(o->mode), o->keep_last, r->high_water,
                     r->low_water, STR_ARG(pin));

    if (text)
        digest_sha256(str_from(text), ret);
    return text != NULL;
}

static bool look(struct taking *t)
{
    uint8_t config[DIGEST_SIZE];

    if (!epoch_chain_make(t->arena, t->request->messages, &t->chain) || !name_config(t, config))
        return false;
    const struct context_find find = {
        .scope = t->scope, .config = config, .chain = t->chain.digests[0], .n = t->chain.n};
    t->has_epoch =
        context_store_find(t->means->store, t->arena, &find, &t->epoch) == CONTEXT_STORE_OK;
    if (!t->has_epoch)
        t->epoch = (struct context_epoch){.n_source = 0};
    memcpy(t->epoch.config, config, DIGEST_SIZE);
    return true;
}

static void measure(struct taking *t)
{
    size_t i = 0;

    for (const struct json_value *m = t->request->messages->child; m; m = m->next) {
        if (i++ < t->epoch.n_source)
            continue;
        t->new_turns += is_by_model(m);
        t->new_tokens += t->has_epoch ? tokens_of(t, m) : 0;
    }
}

/* As the turn stands with what is frozen in place. */
static uint64_t tokens_with_epoch(const struct taking *t)
{
    return counter_overhead(t->means->counter) + t->epoch.frozen_tokens + t->new_tokens;
}

static struct epoch_situation describe(const struct taking *t, uint64_t tokens)
{
    bool is_anthropic = str_is(t->request->options.dialect, "anthropic");

    return (struct epoch_situation){
        .tokens = tokens,
        .budget = t->request->options.budget_tokens,
        .water = t->water,
        .turns = t->new_turns,
        .grown = t->has_epoch ? t->new_tokens : tokens,
        .write_price = is_anthropic ? WRITE_ANTHROPIC : WRITE_OTHERS,
        .is_cold = t->has_epoch && t->means->now > t->epoch.used_before + CACHE_LIFE,
    };
}

/* ---- what becomes of it ---- */

static void keep_blocks(const struct condense_report *report, struct arena *a,
                        struct context_keep *keep)
{
    struct context_block *blocks = arena_alloc(a, (report->n_omitted + 1) * sizeof(*blocks));

    for (size_t i = 0; blocks && i < report->n_omitted; i++)
        blocks[i] =
            (struct context_block){str_from(report->omitted[i].key), report->omitted[i].bytes};
    keep->blocks = blocks;
    keep->n_blocks = blocks ? report->n_omitted : 0;
}

static void note_stage(struct condense_report *r, const char *stage)
{
    r->stage[0] = stage;
    r->n_stages = 1;
}

/* The frozen messages, spelled as they were, with the new ones behind them. */
static void go_on(struct taking *t)
{
    struct turn *ret = t->ret;
    const struct context_epoch *e = &t->epoch;
    uint64_t overhead = counter_overhead(t->means->counter);
    bool is_as_spelled = memcmp(e->marks, t->chain.marks[e->n_source - 1], DIGEST_SIZE) == 0;
    struct str frozen = is_as_spelled ? e->frozen : epoch_unmark(t->arena, e->frozen);

    ret->report = (struct condense_report){
        .tokens_before = overhead + e->source_tokens + t->new_tokens,
        .tokens_after = tokens_with_epoch(t),
    };
    if (frozen.data)
        ret->report.messages =
            epoch_join(t->arena, frozen, t->request->messages, (size_t)e->n_source);
    ret->outcome = ret->report.messages.data ? CONDENSE_CONDENSED : CONDENSE_TOO_BIG;
    ret->epoch = e->number;
    ret->is_stable = true;
    note_stage(&ret->report, "frozen");
}

/* Tokens of the messages from number `from` on. */
static uint64_t tokens_from(const struct taking *t, size_t from)
{
    uint64_t tokens = 0;
    size_t i = 0;

    for (const struct json_value *m = t->request->messages->child; m; m = m->next)
        if (i++ >= from)
            tokens += tokens_of(t, m);
    return tokens;
}

/* What was condensed now is what later turns begin with. `n_ahead` messages of what was condensed
 * are not the caller's own but stand for its first ones. */
static bool freeze(struct taking *t, const struct json_value *condensed_from, size_t n_ahead)
{
    const struct condense_report *r = &t->ret->report;
    uint64_t overhead = counter_overhead(t->means->counter), tail;
    struct epoch_split split;
    struct context_epoch e = {.stages = STR_EMPTY, .summary = STR_EMPTY};

    if (!epoch_split_make(t->arena, condensed_from, r->messages, n_ahead, &split))
        return false;
    e.n_source = split.n_source - n_ahead + (n_ahead ? t->epoch.n_source : 0);
    memcpy(e.config, t->epoch.config, DIGEST_SIZE);
    memcpy(e.digest, t->chain.digests[e.n_source - 1], DIGEST_SIZE);
    memcpy(e.marks, t->chain.marks[e.n_source - 1], DIGEST_SIZE);
    tail = tokens_from(t, (size_t)e.n_source);
    e.source_tokens = r->tokens_before - overhead - tail;
    e.frozen_tokens = r->tokens_after - overhead - tail;
    e.frozen = split.frozen;
    if (t->has_epoch && e.n_source == t->epoch.n_source) {
        if (str_equal(e.frozen, t->epoch.frozen)) { /* it cannot be made any shorter */
            go_on(t);
            return true;
        }
        e.number = t->epoch.number; /* it is not enough any more */
    }

    struct context_keep keep = {.scope = t->scope, .epoch = &e};
    keep_blocks(r, t->arena, &keep);
    if (context_store_keep(t->means->store, t->arena, &keep) != CONTEXT_STORE_OK)
        return false;
    if (!str_equal(e.frozen, split.frozen)) {
        /* Somebody else was faster, with the same messages: what is frozen is frozen. */
        if (overhead + e.frozen_tokens + tail > t->request->options.budget_tokens)
            return false;
        t->epoch = e;
        t->new_tokens = tail;
        go_on(t);
    }
    t->ret->epoch = e.number;
    return true;
}

struct source {
    const struct json_value *messages;
    size_t n_ahead; /* messages in it that stand for the first of the caller's */
    uint64_t saved; /* tokens that were saved already */
};

/* A summary grows out of the one before, and a conversation that is many times as long as it may be
 * is not gone through again: then what is frozen is condensed further. */
static bool choose_source(struct taking *t, struct source *ret)
{
    const struct turn_request *r = t->request;
    const struct context_epoch *e = &t->epoch;
    size_t at;

    *ret = (struct source){.messages = r->messages};
    if (!t->has_epoch || (r->options.mode != CONDENSE_SUMMARIZE &&
                          e->source_tokens <= FROM_SOURCE * r->options.budget_tokens))
        return true;
    struct str joined = epoch_join(t->arena, e->frozen, r->messages, (size_t)e->n_source);
    if (!joined.data || json_parse(t->arena, joined, &ret->messages, &at) != JSON_OK)
        return false;
    ret->n_ahead = ret->messages->n_children - (r->messages->n_children - (size_t)e->n_source);
    ret->saved = e->source_tokens - e->frozen_tokens;
    return true;
}

/* To the low-water mark; if that is out of reach, into the budget. */
static enum condense_outcome condense(struct taking *t, const struct source *source)
{
    struct condense_options o = t->request->options;
    struct condense_report *report = &t->ret->report;

    o.counter = t->means->counter;
    o.target_tokens = t->water.low;
    o.budget_tokens = t->water.high;
    enum condense_outcome outcome = condense_run(t->arena, source->messages, &o, report);
    if (outcome == CONDENSE_TOO_LARGE) {
        o.budget_tokens = t->request->options.budget_tokens;
        outcome = condense_run(t->arena, source->messages, &o, report);
    }
    report->tokens_before += source->saved;
    return outcome;
}

/* Does what came of it pay for what it costs to write it to the provider's cache? */
static bool is_worth_it(const struct taking *t)
{
    uint64_t tokens = t->has_epoch ? tokens_with_epoch(t) : t->ret->report.tokens_before;
    struct epoch_situation s = describe(t, tokens);

    s.water.low = t->ret->report.tokens_after;
    return epoch_decide(&s) == EPOCH_BEGIN;
}

static void leave(struct turn *ret, struct str messages)
{
    ret->outcome = CONDENSE_UNCHANGED;
    ret->report = (struct condense_report){.messages = messages,
                                           .tokens_before = ret->report.tokens_before,
                                           .tokens_after = ret->report.tokens_before};
}

static void begin(struct taking *t)
{
    struct turn *ret = t->ret;
    struct source source;

    if (!choose_source(t, &source)) {
        ret->outcome = CONDENSE_TOO_BIG;
        return;
    }
    ret->outcome = condense(t, &source);
    bool fits_as_it_is = t->has_epoch && tokens_with_epoch(t) <= t->request->options.budget_tokens;
    if (ret->outcome != CONDENSE_CONDENSED && fits_as_it_is) {
        go_on(t);
        return;
    }
    if (ret->outcome != CONDENSE_CONDENSED)
        return;
    if (!is_worth_it(t)) {
        if (t->has_epoch)
            go_on(t);
        else
            leave(ret, t->request->messages->raw);
        return;
    }
    if (t->means->may_ask && ret->report.fold.key[0] != '\0') {
        ret->wants_summary = true;
        return;
    }
    bool had_before = t->has_epoch;
    if (freeze(t, source.messages, source.n_ahead) && !ret->is_stable) {
        ret->has_begun = true;
        ret->had_before = had_before;
    }
}

static void take_once(struct arena *a, const struct turn_means *means, const struct turn_request *r,
                      struct turn *ret)
{
    struct condense_options o = r->options;
    struct context_keep keep = {.scope = r->scope};

    o.counter = means->counter;
    ret->outcome = condense_run(a, r->messages, &o, &ret->report);
    if (ret->outcome != CONDENSE_CONDENSED)
        return;
    ret->wants_summary = means->may_ask && ret->report.fold.key[0] != '\0';
    if (ret->wants_summary || ret->report.n_omitted == 0)
        return;
    keep_blocks(&ret->report, a, &keep);
    if (context_store_keep(means->store, a, &keep) != CONTEXT_STORE_OK)
        return; /* condensed all the same; the log says why nothing can be had back */
}

void turn_take(struct arena *a, const struct turn_means *means, const struct turn_request *r,
               struct turn *ret)
{
    double budget = (double)r->options.budget_tokens;

    *ret = (struct turn){.outcome = CONDENSE_TOO_BIG, .session = r->scope.session};
    if (!r->is_stateful || r->messages->n_children == 0) {
        take_once(a, means, r, ret);
        return;
    }
    struct taking t = {
        .arena = a,
        .means = means,
        .request = r,
        .scope = r->scope,
        .water = {(uint64_t)(budget * r->high_water), (uint64_t)(budget * r->low_water)},
        .ret = ret,
    };
    if (t.scope.session.len == 0)
        t.scope.session = name_session(a, r->messages);
    ret->session = t.scope.session;
    if (t.scope.session.len == 0 || !look(&t))
        return;
    measure(&t);
    struct epoch_situation s = describe(&t, tokens_with_epoch(&t));
    if (t.has_epoch && epoch_decide(&s) == EPOCH_GO_ON)
        go_on(&t);
    else
        begin(&t);
}
