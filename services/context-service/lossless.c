#include "lossless.h"

#include "base/map.h"

#include <string.h>

#define MIN_REPEATED_BYTES 128
#define MAX_CALL_ID_BYTES  64
#define MAX_NEWLINES       2

struct squeezer {
    char *out;
    size_t len;
    size_t solid; /* `len` after the last byte that is no blank */
    unsigned newlines;
};

static void squeeze_unit(struct squeezer *q, const char *unit, size_t n)
{
    bool is_newline = n == 2 && unit[1] == 'n';
    bool is_blank = unit[0] == ' ' || (n == 2 && unit[1] == 't');

    if (is_newline) {
        q->len = q->solid;
        if (++q->newlines > MAX_NEWLINES)
            return;
    }
    memcpy(q->out + q->len, unit, n);
    q->len += n;
    if (is_blank)
        return;
    q->solid = q->len;
    if (!is_newline)
        q->newlines = 0;
}

struct str lossless_squeeze(struct arena *a, struct str json_string)
{
    struct squeezer q = {.out = arena_alloc(a, json_string.len)};
    const char *at = json_string.data + 1, *end = json_string.data + json_string.len - 1;

    if (!q.out)
        return (struct str){NULL, 0};
    q.out[q.len++] = '"';
    q.solid = q.len;
    while (at < end) {
        size_t n = *at == '\\' ? 2 : 1;
        squeeze_unit(&q, at, n);
        at += n;
    }
    q.len = q.solid;
    if (q.len == 1 || q.len + 1 >= json_string.len)
        return json_string;
    q.out[q.len++] = '"';
    return (struct str){q.out, q.len};
}

/* Walks from the newest output to the oldest, so that the newest copy is the one that stays. */
struct repeats {
    struct conversation *c;
    struct map newest; /* text as spelled -> the JSON value that holds it */
    bool may_change;
};

static struct str reference_to(struct conversation *c, const struct json_value *call)
{
    const char *text = "\"[same as another tool result]\"";

    if (json_is(call, JSON_STRING) && call->raw.len > 2 && call->raw.len - 2 <= MAX_CALL_ID_BYTES)
        text = arena_printf(c->arena, "\"[same as the result of %.*s]\"", (int)call->raw.len - 2,
                            call->raw.data + 1);
    return str_from(text);
}

static struct str refer_to_repeat(void *arg, const struct conversation_output *o)
{
    struct repeats *r = arg;

    if (o->text->raw.len < MIN_REPEATED_BYTES)
        return o->text->raw;
    /* Without a call's id the text stands for itself: too long to be taken for one. */
    void *mine = (void *)(o->call ? o->call : o->text);
    void *newest = map_add(&r->newest, o->text->raw, mine);
    if (newest == mine || !r->may_change)
        return o->text->raw;
    struct str reference = reference_to(r->c, newest);
    return reference.len ? reference : o->text->raw;
}

static bool replace_repeats(struct conversation *c, size_t end)
{
    struct repeats r = {.c = c};
    bool changed = false;

    map_init(&r.newest);
    for (size_t g = c->n_groups; g-- > 0;) {
        struct conversation_group *group = &c->group[g];
        if (group->is_dropped)
            continue;
        r.may_change = g < end && !group->is_pinned;
        for (size_t i = group->first + group->n; i-- > group->first;)
            changed |= conversation_rewrite(c, group, i, refer_to_repeat, &r);
    }
    map_done(&r.newest);
    return changed;
}

static struct str squeeze_output(void *arg, const struct conversation_output *o)
{
    struct conversation *c = arg;
    struct str s = lossless_squeeze(c->arena, o->text->raw);

    if (!s.data)
        c->is_full = true;
    return s.data ? s : o->text->raw;
}

bool lossless_apply(struct conversation *c, size_t end)
{
    bool changed = replace_repeats(c, end);

    for (size_t g = 0; g < end; g++) {
        struct conversation_group *group = &c->group[g];
        if (group->is_pinned || group->is_dropped)
            continue;
        for (size_t i = group->first; i < group->first + group->n; i++)
            changed |= conversation_rewrite(c, group, i, squeeze_output, c);
    }
    return changed;
}
