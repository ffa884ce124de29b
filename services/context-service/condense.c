#include "condense.h"

#include "conversation.h"
#include "draft.h"
#include "drop.h"
#include "extract.h"
#include "image.h"
#include "lossless.h"
#include "marker.h"
#include "mask.h"
#include "pin.h"
#include "transcript.h"

#include <string.h>

#define ROOM        64 /* tokens that a summary which keeps nothing has at most */
#define MAX_SUMMARY 2000

static void note(struct condense_report *r, const char *stage)
{
    for (size_t i = 0; i < r->n_stages; i++)
        if (strcmp(r->stage[i], stage) == 0)
            return;
    r->stage[r->n_stages++] = stage;
}

struct condensing {
    struct conversation c;
    const struct condense_options *options;
    struct pin_reach reach;
    uint64_t goal;
    struct extract extract;
    bool has_extract;
    struct condense_report *report;
};

/* Tokens of what stays if everything before `end` goes that may. */
static uint64_t pinned_tokens(const struct conversation *c, size_t end)
{
    uint64_t tokens = c->tokens;

    for (size_t g = 0; g < end; g++)
        if (!c->group[g].is_pinned)
            tokens -= c->group[g].tokens;
    return tokens;
}

/* The target, unless it is out of reach: then the budget. */
static uint64_t find_goal(const struct condensing *k)
{
    uint64_t target = k->options->target_tokens, budget = k->options->budget_tokens;

    return target > 0 && target < budget && pinned_tokens(&k->c, k->reach.utmost) <= target
               ? target
               : budget;
}

static void squeeze(struct condensing *k, size_t end)
{
    if (k->c.tokens > k->goal && lossless_apply(&k->c, end))
        note(k->report, "lossless");
}

static void hide(struct condensing *k, size_t end)
{
    if (k->c.tokens > k->goal && image_apply(&k->c, end, k->goal))
        note(k->report, "image");
}

static void mask(struct condensing *k, size_t end)
{
    if (k->c.tokens > k->goal && mask_apply(&k->c, end, k->goal))
        note(k->report, "mask");
}

static void drop(struct condensing *k, size_t end)
{
    if (k->c.tokens > k->goal && drop_apply(&k->c, end, k->goal)) {
        note(k->report, "drop");
        transcript_recount(&k->c);
    }
}

static void extract(struct condensing *k, size_t end)
{
    const struct extract_options options = {.end = end,
                                            .goal = k->goal,
                                            .query = k->options->query,
                                            .summary_key = k->options->summary.key,
                                            .summary = k->options->summary.text};

    if (k->c.tokens <= k->goal)
        return;
    k->has_extract = extract_apply(&k->extract, &k->c, &options);
    if (k->has_extract) {
        note(k->report, "extract");
        if (k->extract.draft.n_folded > 0)
            note(k->report, "fold");
    }
}

/* First what is older than the running turn: all of it, before that is touched. */
static void shrink(struct condensing *k)
{
    const size_t ends[] = {k->reach.calm, k->reach.utmost};
    bool has_room = pinned_tokens(&k->c, k->reach.calm) + ROOM <= k->goal;

    switch (k->options->mode) {
    case CONDENSE_LOSSLESS:
        squeeze(k, ends[0]);
        squeeze(k, ends[1]);
        break;
    case CONDENSE_MASK:
        for (size_t i = 0; i < 2; i++) {
            squeeze(k, ends[i]);
            hide(k, ends[i]);
            mask(k, ends[i]);
            drop(k, ends[i]);
        }
        break;
    case CONDENSE_EXTRACT:
    case CONDENSE_SUMMARIZE:
        for (size_t i = has_room ? 0 : 1; i < 2; i++) {
            squeeze(k, ends[i]);
            hide(k, ends[i]);
            extract(k, ends[i]);
            drop(k, ends[i]);
        }
        break;
    }
}

/* The beginning of what a message says: its content, or the first text in it. */
static struct str preview(struct arena *a, const struct json_value *message)
{
    const struct json_value *content = json_get(message, "content");
    struct str text;

    if (json_is(content, JSON_ARRAY))
        content = json_at(content, "0.text");
    return json_string(content, a, &text) ? marker_preview(text) : STR_EMPTY;
}

static bool list_omitted(struct condensing *k)
{
    struct conversation *c = &k->c;
    struct condense_report *r = k->report;

    for (size_t g = 0; g < c->n_groups; g++)
        for (size_t i = 0; c->group[g].is_dropped && i < c->group[g].n; i++) {
            const struct conversation_message *m = &c->message[c->group[g].first + i];
            struct conversation_omitted o = {.bytes = m->original->raw,
                                             .preview = preview(c->arena, m->original),
                                             .tokens = m->tokens_before,
                                             .group = SIZE_MAX};
            marker_key(o.bytes, o.key);
            if (!conversation_omit(c, &o))
                return false;
        }
    r->omitted = arena_alloc(c->arena, c->n_omitted * sizeof(*r->omitted) + 1);
    if (!r->omitted)
        return false;
    for (size_t i = 0; i < c->n_omitted; i++) {
        const struct conversation_omitted *from = &c->omitted[i];
        if (from->group != SIZE_MAX && c->group[from->group].is_dropped)
            continue; /* its message is listed */
        struct condense_omitted *o = &r->omitted[r->n_omitted++];
        *o = (struct condense_omitted){
            .bytes = from->bytes,
            .preview = from->preview.len > 0 ? from->preview : marker_preview(from->bytes),
            .tokens = from->tokens};
        memcpy(o->key, from->key, sizeof(o->key));
    }
    return true;
}

static bool describe_fold(struct condensing *k)
{
    struct draft *d = &k->extract.draft;
    struct condense_fold *fold = &k->report->fold;

    if (!k->has_extract || d->n_folded == 0)
        return true;
    memcpy(fold->key, d->blocks.key, sizeof(fold->key));
    fold->is_abstractive = k->extract.has_summary;
    fold->max_tokens = k->goal / 4 < MAX_SUMMARY ? k->goal / 4 : MAX_SUMMARY;
    return k->options->mode != CONDENSE_SUMMARIZE || draft_write_source(d, &fold->source);
}

static bool write_messages(struct condensing *k)
{
    struct transcript t;
    struct str json;
    size_t size = 2, len = 0;

    for (transcript_init(&t, &k->c); transcript_next(&t, &json);)
        size += json.len + 1;
    char *out = arena_alloc(k->c.arena, size);
    if (!out)
        return false;
    for (transcript_init(&t, &k->c); transcript_next(&t, &json);) {
        out[len] = len == 0 ? '[' : ',';
        memcpy(out + len + 1, json.data, json.len);
        len += 1 + json.len;
    }
    out[len] = ']';
    k->report->messages = (struct str){out, len + 1};
    return true;
}

static enum condense_outcome condense(struct condensing *k)
{
    struct conversation *c = &k->c;

    k->reach = pin_groups(c, k->options->keep_last, k->options->pin);
    k->goal = find_goal(k);
    shrink(k);
    k->report->tokens_after = c->tokens;
    if (c->is_full)
        return CONDENSE_TOO_BIG;
    if (c->tokens > k->options->budget_tokens)
        return CONDENSE_TOO_LARGE;
    if (!list_omitted(k) || !describe_fold(k) || !write_messages(k))
        return CONDENSE_TOO_BIG;
    return CONDENSE_CONDENSED;
}

enum condense_outcome condense_run(struct arena *a, const struct json_value *messages,
                                   const struct condense_options *options,
                                   struct condense_report *ret)
{
    const struct conversation_dialect *dialect = conversation_find_dialect(options->dialect);
    struct condensing k = {.options = options, .report = ret};

    *ret = (struct condense_report){.messages = STR_EMPTY};
    if (!dialect)
        return CONDENSE_INVALID;
    switch (conversation_init(&k.c, a, dialect, options->counter, messages)) {
    case CONVERSATION_OK:
        break;
    case CONVERSATION_INVALID:
        return CONDENSE_INVALID;
    case CONVERSATION_TOO_BIG:
        return CONDENSE_TOO_BIG;
    }
    k.c.secret = options->secret;
    ret->tokens_before = ret->tokens_after = k.c.tokens;
    if (k.c.tokens > options->budget_tokens)
        return condense(&k);
    ret->messages = messages->raw;
    return CONDENSE_UNCHANGED;
}

static const char *const modes[] = {"lossless", "mask", "extract", "summarize"};

bool condense_mode_parse(struct str text, enum condense_mode *ret)
{
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
        if (str_is(text, modes[i])) {
            *ret = (enum condense_mode)i;
            return true;
        }
    return false;
}

const char *condense_mode_text(enum condense_mode m)
{
    return modes[m];
}

const char *condense_outcome_text(enum condense_outcome o)
{
    static const char *const names[] = {"unchanged", "condensed", "too_large", "error", "error"};

    return names[o];
}
