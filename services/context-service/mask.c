#include "mask.h"

#include "cue.h"
#include "cut.h"
#include "marker.h"

#include <string.h>

#define MAX_ERRORS 3
#define MAX_LINE   200 /* bytes of each that is kept */
#define MIN_SHARE  4   /* lines are kept that are no more than one byte in so many */
#define MAX_OUTPUT (64U << 10)

struct masking {
    struct conversation *c;
    size_t group, message;
    struct conversation_output original; /* the same output, as the client sent it */
};

struct lines {
    struct buf out;
    uint64_t n;      /* in the text */
    unsigned errors; /* kept */
    struct str last; /* that was kept */
    bool is_full;
};

static void keep(struct lines *l, struct str line)
{
    line = str_trim(line);
    if (line.len == 0 || line.data == l->last.data)
        return;
    size_t len = cut_prefix(line, MAX_LINE);
    l->is_full |= buf_printf(&l->out, "\n%.*s%s", (int)len, line.data,
                             len < line.len ? "\xe2\x80\xa6" : "") != BUF_OK;
    l->last = line;
}

/* The first line, reports of errors, the last line. */
static void keep_lines(struct lines *l, struct str text)
{
    struct str rest = text, line, last = STR_EMPTY;

    while (str_cut(&rest, '\n', &line)) {
        bool is_first = l->n++ == 0;
        bool is_error = l->errors < MAX_ERRORS && cue_is_error(line);
        l->errors += is_error;
        if (is_first || is_error)
            keep(l, line);
        if (str_trim(line).len > 0)
            last = line;
    }
    keep(l, last);
}

/* A marker and the lines; empty when that is no shorter. */
static struct str mask_text(struct masking *k, struct str text, struct str raw,
                            const struct conversation_omitted *omitted)
{
    struct lines l = {.last = STR_EMPTY};
    struct buf whole;
    struct str spelled = STR_EMPTY;

    buf_init(&l.out, MAX_OUTPUT);
    buf_init(&whole, MAX_OUTPUT);
    keep_lines(&l, text);
    l.is_full |= marker_write(&whole, l.n, omitted->tokens, omitted->key) != BUF_OK;
    size_t bare = whole.len;
    if (l.out.len <= text.len / MIN_SHARE)
        l.is_full |= buf_add_str(&whole, buf_str(&l.out)) != BUF_OK;
    if (!l.is_full)
        spelled = marker_spell(k->c->arena, buf_str(&whole));
    if (spelled.len >= raw.len) /* then perhaps without them */
        spelled = marker_spell(k->c->arena, (struct str){whole.data, bare});
    k->c->is_full |= !spelled.data;
    buf_done(&whole);
    buf_done(&l.out);
    return spelled.len < raw.len ? spelled : STR_EMPTY;
}

/* About how many of a message's tokens a text in it has. */
static uint64_t share_of(const struct conversation_message *m, const struct json_value *text)
{
    return m->tokens * text->raw.len / m->json->raw.len;
}

static struct str mark(void *arg, const struct conversation_output *o)
{
    struct masking *k = arg;
    struct conversation *c = k->c;
    struct conversation_omitted omitted = {.group = k->group};
    struct str text;

    (void)c->dialect->next_output(c->message[k->message].original, &k->original);
    if (!json_string(k->original.text, c->arena, &omitted.bytes)) {
        c->is_full = true;
        return o->text->raw;
    }
    text = omitted.bytes;
    if (o->text != k->original.text && !json_string(o->text, c->arena, &text)) {
        c->is_full = true;
        return o->text->raw;
    }
    marker_key(omitted.bytes, omitted.key);
    omitted.tokens = share_of(&c->message[k->message], o->text);
    struct str spelled = mask_text(k, text, o->text->raw, &omitted);
    if (spelled.len == 0)
        return o->text->raw;
    c->is_full |= !conversation_omit(c, &omitted);
    return spelled;
}

static bool mask_message(struct conversation *c, struct conversation_group *g, size_t i)
{
    struct masking k = {.c = c, .group = (size_t)(g - c->group), .message = i};

    return conversation_rewrite(c, g, i, mark, &k);
}

bool mask_apply(struct conversation *c, size_t end, uint64_t budget_tokens)
{
    return conversation_change(c, end, budget_tokens, mask_message);
}
