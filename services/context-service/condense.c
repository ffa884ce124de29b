#include "condense.h"

#include "conversation.h"
#include "drop.h"
#include "lossless.h"
#include "mask.h"
#include "pin.h"

#include <string.h>

static void note(struct condense_report *r, const char *stage)
{
    for (size_t i = 0; i < r->n_stages; i++)
        if (strcmp(r->stage[i], stage) == 0)
            return;
    r->stage[r->n_stages++] = stage;
}

/* What a mode that is not built yet does instead is part of the answer. */
static const char *substitution(enum condense_mode mode)
{
    switch (mode) {
    case CONDENSE_EXTRACT:
        return "extract_as_mask";
    case CONDENSE_SUMMARIZE:
        return "summarize_as_mask";
    case CONDENSE_LOSSLESS:
    case CONDENSE_MASK:
        return NULL;
    }
    return NULL;
}

static uint64_t goal(const struct condense_options *options)
{
    uint64_t target = options->target_tokens, budget = options->budget_tokens;

    return target > 0 && target < budget ? target : budget;
}

static void shrink(struct conversation *c, const struct condense_options *options, size_t end,
                   struct condense_report *r)
{
    uint64_t budget = goal(options);

    if (c->tokens > budget && lossless_apply(c, end))
        note(r, "lossless");
    if (options->mode == CONDENSE_LOSSLESS)
        return;
    if (c->tokens > budget && mask_apply(c, end, budget))
        note(r, "mask");
    if (c->tokens > budget && drop_apply(c, end, budget))
        note(r, "drop");
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

static bool list_omitted(struct conversation *c, struct condense_report *r)
{
    r->omitted = arena_alloc(c->arena, c->n * sizeof(*r->omitted));
    if (!r->omitted)
        return false;
    for (size_t g = 0; g < c->n_groups; g++) {
        const struct conversation_group *group = &c->group[g];
        for (size_t i = group->first; i < group->first + group->n; i++) {
            const struct conversation_message *m = &c->message[i];
            uint64_t left = group->is_dropped ? 0 : m->tokens;
            if (!group->is_dropped && !m->is_masked)
                continue;
            struct condense_omitted *o = &r->omitted[r->n_omitted++];
            *o = (struct condense_omitted){.bytes = m->original->raw,
                                           .preview = preview(c->arena, m->original),
                                           .tokens = m->tokens_before - left};
            marker_key(o->bytes, o->key);
        }
    }
    return true;
}

static size_t write_messages(const struct conversation *c, char *out)
{
    size_t len = 0;

    for (size_t g = 0; g < c->n_groups; g++) {
        const struct conversation_group *group = &c->group[g];
        for (size_t i = group->first; !group->is_dropped && i < group->first + group->n; i++) {
            struct str raw = c->message[i].json->raw;
            out[len] = len == 0 ? '[' : ',';
            memcpy(out + len + 1, raw.data, raw.len);
            len += 1 + raw.len;
        }
    }
    out[len] = ']';
    return len + 1;
}

enum condense_outcome condense_run(struct arena *a, const struct json_value *messages,
                                   const struct condense_options *options,
                                   struct condense_report *ret)
{
    const struct conversation_dialect *dialect = conversation_find_dialect(options->dialect);
    struct conversation c;

    *ret = (struct condense_report){.messages = STR_EMPTY};
    if (!dialect)
        return CONDENSE_INVALID;
    switch (conversation_init(&c, a, dialect, options->counter, messages)) {
    case CONVERSATION_OK:
        break;
    case CONVERSATION_INVALID:
        return CONDENSE_INVALID;
    case CONVERSATION_TOO_BIG:
        return CONDENSE_TOO_BIG;
    }

    ret->tokens_before = ret->tokens_after = c.tokens;
    if (c.tokens <= options->budget_tokens) {
        ret->messages = messages->raw;
        return CONDENSE_UNCHANGED;
    }
    if (substitution(options->mode))
        note(ret, substitution(options->mode));
    struct pin_reach reach = pin_groups(&c, options->keep_last);
    shrink(&c, options, reach.calm, ret);
    shrink(&c, options, reach.utmost, ret);
    ret->tokens_after = c.tokens;
    if (c.is_full)
        return CONDENSE_TOO_BIG;
    if (c.tokens > options->budget_tokens)
        return CONDENSE_TOO_LARGE;

    char *text = arena_alloc(a, messages->raw.len + 1);
    if (!text || !list_omitted(&c, ret))
        return CONDENSE_TOO_BIG;
    ret->messages = (struct str){text, write_messages(&c, text)};
    return CONDENSE_CONDENSED;
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
