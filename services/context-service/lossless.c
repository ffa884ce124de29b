#include "lossless.h"

#include "base/map.h"
#include "marker.h"
#include "squeeze.h"

#include <string.h>

#define MIN_REPEATED_BYTES 128
#define MAX_CALL_ID_BYTES  64

/* Which lengths do outputs have? Most are of a length of their own, and repeat nothing. */
#define LENGTHS 4096

struct lengths {
    uint64_t once[LENGTHS / 64], again[LENGTHS / 64]; /* a bit each */
};

/* Walks from the newest output to the oldest, so that the newest copy is the one that stays. */
struct repeats {
    struct conversation *c;
    struct lengths lengths;
    struct map newest; /* text as spelled -> the JSON value that holds it */
    bool may_change;
    size_t group;
};

/* A reference says under which key the text is kept, should the copy be condensed one day. */
static struct str reference_to(struct repeats *r, const struct json_value *call,
                               const struct json_value *text)
{
    struct conversation_omitted omitted = {.group = r->group};
    struct arena *a = r->c->arena;
    char *reference;

    if (!json_string(text, a, &omitted.bytes)) {
        r->c->is_full = true;
        return STR_EMPTY;
    }
    marker_key(omitted.bytes, omitted.key);
    if (json_is(call, JSON_STRING) && call->raw.len > 2 && call->raw.len - 2 <= MAX_CALL_ID_BYTES)
        reference = arena_printf(a, "\"[same as the result of %.*s; key=%s]\"",
                                 (int)call->raw.len - 2, call->raw.data + 1, omitted.key);
    else
        reference = arena_printf(a, "\"[same as another tool result; key=%s]\"", omitted.key);
    r->c->is_full |= !reference || !conversation_omit(r->c, &omitted);
    return str_from(reference);
}

static bool has_bit(const uint64_t *bits, size_t len)
{
    return bits[len % LENGTHS / 64] >> len % 64 & 1;
}

static void note_lengths(struct repeats *r)
{
    const struct conversation *c = r->c;

    for (size_t i = 0; i < c->n; i++) {
        struct conversation_output o = {.text = NULL};
        while (c->message[i].role == ROLE_TOOL && c->dialect->next_output(c->message[i].json, &o)) {
            size_t len = o.text->raw.len;
            uint64_t *bits = has_bit(r->lengths.once, len) ? r->lengths.again : r->lengths.once;
            bits[len % LENGTHS / 64] |= UINT64_C(1) << len % 64;
        }
    }
}

static struct str refer_to_repeat(void *arg, const struct conversation_output *o)
{
    struct repeats *r = arg;

    if (o->text->raw.len < MIN_REPEATED_BYTES || !has_bit(r->lengths.again, o->text->raw.len))
        return o->text->raw;
    /* Without a call's id the text stands for itself: too long to be taken for one. */
    void *mine = (void *)(o->call ? o->call : o->text);
    void *newest = map_add(&r->newest, o->text->raw, mine);
    if (newest == mine || !r->may_change)
        return o->text->raw;
    struct str reference = reference_to(r, newest, o->text);
    return reference.len ? reference : o->text->raw;
}

static bool replace_repeats(struct conversation *c, size_t end)
{
    struct repeats r = {.c = c};
    bool changed = false;

    note_lengths(&r);
    map_init(&r.newest);
    for (size_t g = c->n_groups; g-- > 0;) {
        struct conversation_group *group = &c->group[g];
        if (group->is_dropped)
            continue;
        r.may_change = g < end && !group->is_pinned;
        r.group = g;
        for (size_t i = group->first + group->n; i-- > group->first;)
            changed |= conversation_rewrite(c, group, i, refer_to_repeat, &r);
    }
    map_done(&r.newest);
    return changed;
}

static struct str squeeze_output(void *arg, const struct conversation_output *o)
{
    struct conversation *c = arg;
    struct str s = squeeze_string(c->arena, o->text->raw);

    if (!s.data)
        c->is_full = true;
    return s.data ? s : o->text->raw;
}

static bool squeeze_message(struct conversation *c, struct conversation_group *g, size_t i)
{
    return conversation_rewrite(c, g, i, squeeze_output, c);
}

bool lossless_apply(struct conversation *c, size_t end)
{
    bool changed = replace_repeats(c, end);

    return conversation_change(c, end, 0, squeeze_message) || changed;
}
