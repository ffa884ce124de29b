#include "summary.h"

#include "base/digest.h"

#include <string.h>

#define HEAD      "[Earlier conversation, condensed: "
#define SIGNATURE "; sig="
#define KEY       "[key="
#define GAP       "\xe2\x80\xa6" /* an ellipsis */
#define SIG_BYTES 8
#define SIG_SIZE  (2 * SIG_BYTES)
#define MAX_NAME  64

static const struct {
    const char *word;
    enum piece_kind kind;
    enum unit_speaker speaker;
    bool has_name;
} tags[] = {
    {"user", PIECE_PROSE, UNIT_USER, false},
    {"assistant", PIECE_PROSE, UNIT_ASSISTANT, false},
    {"call", PIECE_CALL, UNIT_ASSISTANT, true},
    {"tool", PIECE_OUTPUT, UNIT_TOOL, true},
};

static void sign(struct str secret, struct str body, char ret[SIG_SIZE + 1])
{
    uint8_t digest[DIGEST_SIZE];

    digest_hmac(secret, body, digest);
    digest_hex(digest, SIG_BYTES, ret);
}

/* What follows the first line; empty when there is none. */
static struct str body_of(struct str text)
{
    const char *end = memchr(text.data, '\n', text.len);

    if (!end)
        return (struct str){text.data + text.len, 0};
    return (struct str){end + 1, (size_t)(text.data + text.len - end) - 1};
}

bool summary_is_own(struct str secret, struct str text)
{
    const size_t tail = sizeof(SIGNATURE) - 1 + SIG_SIZE + 1; /* and a bracket */
    char signature[SIG_SIZE + 1];
    uint8_t given[DIGEST_SIZE] = {0}, made[DIGEST_SIZE] = {0};

    if (secret.len == 0 || !str_has_prefix(text, HEAD))
        return false;
    struct str body = body_of(text);
    size_t head = text.len - body.len;
    if (!memchr(text.data, '\n', text.len) || head < sizeof(HEAD) + tail ||
        memcmp(body.data - 1 - tail, SIGNATURE, sizeof(SIGNATURE) - 1) != 0)
        return false;
    sign(secret, body, signature);
    memcpy(given, body.data - 2 - SIG_SIZE, SIG_SIZE);
    memcpy(made, signature, SIG_SIZE);
    return digest_equal(given, made);
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

/* "tool read_file: " at the start of a line; 0 when it begins otherwise. */
static size_t read_tag(struct str line, struct summary_line *ret)
{
    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
        size_t at = strlen(tags[i].word);
        if (!str_has_prefix(line, tags[i].word))
            continue;
        *ret = (struct summary_line){
            .name = STR_EMPTY, .kind = tags[i].kind, .speaker = tags[i].speaker};
        if (tags[i].has_name && at < line.len && line.data[at] == ' ') {
            size_t from = ++at;
            while (at < line.len && is_name_byte(line.data[at]))
                at++;
            ret->name = (struct str){line.data + from, at - from};
        }
        if (at + 1 < line.len && line.data[at] == ':' && line.data[at + 1] == ' ')
            return at + 2;
    }
    return 0;
}

/* What stands between what speakers said. */
static bool is_mark(struct str line)
{
    return str_is(line, GAP) || str_has_prefix(line, KEY);
}

void summary_each(struct str text, summary_fn fn, void *arg)
{
    struct str rest = body_of(text), line;
    struct summary_line said = {.kind = PIECE_PROSE, .speaker = UNIT_ASSISTANT}, next;
    const char *from = rest.data, *to = rest.data;

    while (str_cut(&rest, '\n', &line)) {
        size_t tag = read_tag(line, &next);
        if (tag > 0 || is_mark(line)) {
            said.text = (struct str){from, (size_t)(to - from)};
            if (said.text.len > 0)
                fn(arg, &said);
            if (tag > 0)
                said = next;
            from = line.data + (tag > 0 ? tag : line.len);
        }
        to = line.data + line.len;
    }
    said.text = (struct str){from, (size_t)(to - from)};
    if (said.text.len > 0)
        fn(arg, &said);
}

struct writer {
    struct buf *out;
    bool at_line_start, is_full;
};

static void put(struct writer *w, struct str text)
{
    w->is_full |= buf_add_str(w->out, text) != BUF_OK;
    if (text.len > 0)
        w->at_line_start = text.data[text.len - 1] == '\n';
}

/* Text of others: no line of it may pass for a line of the service. */
static void quote(struct writer *w, struct str text)
{
    struct summary_line unused;

    while (text.len > 0) {
        const char *end = memchr(text.data, '\n', text.len);
        size_t len = end ? (size_t)(end - text.data) + 1 : text.len;
        struct str line = {text.data, end ? len - 1 : len};
        if (w->at_line_start && (read_tag(line, &unused) || is_mark(line)))
            put(w, STR(" "));
        put(w, (struct str){text.data, len});
        text = (struct str){text.data + len, text.len - len};
    }
}

static void put_tag(struct writer *w, const struct unit_source *s)
{
    size_t i = 0, n = 0;

    while (tags[i].kind != s->kind || tags[i].speaker != s->speaker) {
        if (++i == sizeof(tags) / sizeof(tags[0])) {
            i = 0; /* what Anthropic's users say beside results */
            break;
        }
    }
    while (n < s->name.len && n < MAX_NAME && is_name_byte(s->name.data[n]))
        n++;
    if (!w->at_line_start)
        put(w, STR("\n"));
    put(w, str_from(tags[i].word));
    if (tags[i].has_name && n > 0 && n == s->name.len) {
        put(w, STR(" "));
        put(w, s->name);
    }
    put(w, STR(": "));
}

static void put_units(struct writer *w, const struct unit_list *l, const struct unit_source *s)
{
    size_t last = 0;
    bool has_begun = false;

    for (size_t i = s->first; i < s->first + s->n; i++) {
        const struct unit *u = &l->unit[i];
        if (!u->is_kept)
            continue;
        if (!has_begun) {
            put_tag(w, s);
        } else if (last + 1 == i) {
            quote(w, unit_gap(l, i));
        } else {
            put(w, STR("\n" GAP "\n"));
        }
        quote(w, u->text);
        last = i;
        has_begun = true;
    }
}

static void put_key(struct writer *w, const struct block *b)
{
    if (!b->is_folded)
        return;
    if (!w->at_line_start)
        put(w, STR("\n"));
    put(w, STR(KEY));
    put(w, str_from(b->key));
    put(w, STR("]\n"));
}

static void put_folded(struct writer *w, const struct unit_list *l, const struct conversation *c,
                       const struct summary *s)
{
    size_t block = 0, n_blocks = s->blocks ? s->blocks->n : 0;

    for (size_t i = 0; i < l->n_sources; i++) {
        size_t group = l->source[i].group;
        if (!c->group[group].is_folded)
            continue;
        while (block < n_blocks && s->blocks->block[block].first <= group)
            put_key(w, &s->blocks->block[block++]);
        put_units(w, l, &l->source[i]);
    }
    while (block < n_blocks)
        put_key(w, &s->blocks->block[block++]);
}

enum buf_result summary_write_all(const struct unit_list *l, const struct conversation *c,
                                  struct buf *out)
{
    struct writer w = {.out = out, .at_line_start = true};
    const struct summary bare = {.blocks = NULL};

    put_folded(&w, l, c, &bare);
    return w.is_full ? BUF_FULL : BUF_OK;
}

enum buf_result summary_write(const struct summary *s, const struct unit_list *l,
                              const struct conversation *c, struct buf *out)
{
    struct writer w = {.out = out};
    char signature[SIG_SIZE + 1] = "";

    w.is_full = buf_printf(out, HEAD "%zu messages", s->n_messages) != BUF_OK;
    size_t at = out->len;
    if (s->secret.len > 0)
        w.is_full |= buf_printf(out, SIGNATURE "%0*d", SIG_SIZE, 0) != BUF_OK;
    w.is_full |= buf_add_str(out, STR("]\n")) != BUF_OK;
    size_t body = out->len;
    w.at_line_start = true;
    if (s->text.len > 0)
        quote(&w, s->text);
    put_folded(&w, l, c, s);
    if (w.is_full)
        return BUF_FULL;
    if (s->secret.len > 0) {
        sign(s->secret, (struct str){out->data + body, out->len - body}, signature);
        memcpy(out->data + at + sizeof(SIGNATURE) - 1, signature, SIG_SIZE);
    }
    return BUF_OK;
}
