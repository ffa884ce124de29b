#include "sim_content.h"

#include "sim_sample.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#define KEEP           ((size_t)256 << 10) /* memory kept for the connection's next answer */
#define MAX_CHUNKS     1000000
#define ARGUMENT_PIECE 8

#define ADD(b, ...)                                                                                \
    do {                                                                                           \
        enum buf_result r_ = buf_printf((b), __VA_ARGS__);                                         \
        assert(r_ == BUF_OK);                                                                      \
        (void)r_;                                                                                  \
    } while (0)

static void add(struct buf *b, struct str s)
{
    enum buf_result r = buf_add_str(b, s);
    assert(r == BUF_OK);
    (void)r;
}

void sim_content_init(struct sim_content *c)
{
    memset(c, 0, sizeof(*c));
    buf_init(&c->text, SIM_CONTENT_MAX_TEXT + 1024);
    buf_init(&c->arguments, SIM_CONTENT_MAX_TEXT);
}

void sim_content_done(struct sim_content *c)
{
    buf_done(&c->text);
    buf_done(&c->arguments);
}

void sim_content_escape(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\')
            add(out, STR("\\"));
        add(out, (struct str){text.data + i, 1});
    }
}

static uint64_t count_words(struct str text)
{
    uint64_t n = 1;

    for (size_t i = 1; i < text.len; i++)
        n += text.data[i] == ' ';
    return n;
}

/* As a model does, the text ends before the first stop sequence. */
static void cut_at_stop(struct sim_content *c, const struct sim_chat *chat)
{
    size_t end = c->text.len;

    for (size_t i = 0; i < chat->n_stops; i++) {
        struct str stop = chat->stops[i];
        const char *at =
            stop.len > 0 && end > 0 ? memmem(c->text.data, end, stop.data, stop.len) : NULL;
        if (!at)
            continue;
        end = (size_t)(at - c->text.data);
        c->met_stop = true;
        (void)!str_copy(c->stop, sizeof(c->stop), stop);
    }
    c->text.len = end;
}

static struct sim_content_block *add_block(struct sim_content *c, enum sim_content_kind kind,
                                           uint64_t n_pieces)
{
    struct sim_content_block *b = &c->block[c->n_blocks++];

    *b = (struct sim_content_block){.kind = kind, .n_pieces = n_pieces};
    c->n_pieces += n_pieces;
    return b;
}

static void add_text(struct sim_content *c, const struct sim_chat *chat)
{
    bool is_made = c->size > 0 || c->chunks > 0 || c->has_stamp;

    if (!is_made && chat->wants_json) {
        struct buf sample;
        buf_init(&sample, SIM_CONTENT_MAX_TEXT);
        sim_sample_write(chat->schema, &sample);
        sim_content_escape(&c->text, buf_str(&sample));
        buf_done(&sample);
    } else if (!is_made) {
        add(&c->text, STR("echo: "));
        add(&c->text, chat->text);
        add(&c->text, str_from(chat->files));
        cut_at_stop(c, chat);
    }
    add_block(c, SIM_CONTENT_TEXT,
              c->chunks > 0 ? c->chunks
              : is_made     ? 1
                            : count_words(buf_str(&c->text)));
}

/* Call number i: of the offered tools in turn. */
static void add_call(struct sim_content *c, const struct sim_chat *chat, unsigned i)
{
    static const struct sim_chat_tool nothing = {.name = STR_INIT("sim_tool")};
    const struct sim_chat_tool *tool =
        chat->n_tools > 0 ? &chat->tools[i % chat->n_tools] : &nothing;
    size_t at = c->arguments.len;

    sim_sample_write(tool->schema, &c->arguments);
    size_t len = c->arguments.len - at;
    struct sim_content_block *b =
        add_block(c, SIM_CONTENT_CALL, (len + ARGUMENT_PIECE - 1) / ARGUMENT_PIECE);
    b->call = i;
    b->arguments_at = at;
    b->arguments_len = len;
    (void)!str_copy(b->name, sizeof(b->name), tool->name);
}

static void reuse(struct buf *b)
{
    if (b->cap > KEEP)
        buf_done(b);
    buf_clear(b);
}

void sim_content_start(struct sim_content *c, const struct sim_script *script,
                       const struct sim_chat *chat)
{
    reuse(&c->text);
    reuse(&c->arguments);
    c->size = script->size < SIM_CONTENT_MAX_TEXT ? script->size : SIM_CONTENT_MAX_TEXT;
    c->chunks = script->chunks < MAX_CHUNKS ? script->chunks : MAX_CHUNKS;
    c->has_stamp = script->stamp;
    c->n_blocks = c->n_calls = c->at_block = 0;
    c->n_pieces = c->at_piece = c->text_bytes = c->thinking_bytes = 0;
    c->text_at = 0;
    c->met_stop = false;

    if (chat->only_reason)
        return;
    uint64_t calls = script->tools > 0 ? script->tools : chat->must_call ? 1 : 0;
    c->n_calls = calls < SIM_CONTENT_MAX_CALLS ? (unsigned)calls : SIM_CONTENT_MAX_CALLS;
    if (script->think > 0)
        add_block(c, SIM_CONTENT_THINKING, script->think < MAX_CHUNKS ? script->think : MAX_CHUNKS);
    if (script->redacted)
        add_block(c, SIM_CONTENT_REDACTED_THINKING, 1);
    if (c->n_calls == 0 || c->size > 0 || c->chunks > 0 || c->has_stamp)
        add_text(c, chat);
    for (unsigned i = 0; i < c->n_calls; i++)
        add_call(c, chat, i);
}

bool sim_content_next(const struct sim_content *c, struct sim_content_piece *ret)
{
    if (c->at_block == c->n_blocks)
        return false;
    const struct sim_content_block *b = &c->block[c->at_block];
    *ret = (struct sim_content_piece){.block = b,
                                      .index = c->at_block,
                                      .is_first = c->at_piece == 0,
                                      .is_last = c->at_piece + 1 == b->n_pieces};
    return true;
}

static void add_fill(struct buf *b, uint64_t n)
{
    if (n == 0)
        return;
    char *to = buf_reserve(b, (size_t)n);
    assert(to);
    memset(to, 'x', (size_t)n);
    buf_commit(b, (size_t)n);
}

/* The next word of the echo, with the space before it. */
static struct str next_word(struct sim_content *c)
{
    const char *from = c->text.data + c->text_at;
    size_t left = c->text.len - c->text_at;
    const char *space = left > 1 ? memchr(from + 1, ' ', left - 1) : NULL;
    size_t n = space ? (size_t)(space - from) : left;

    c->text_at += n;
    return (struct str){from, n};
}

static void write_text(struct sim_content *c, const struct sim_content_block *b, usec_t now,
                       struct buf *out)
{
    uint64_t i = c->at_piece, n = b->n_pieces;

    if (c->has_stamp)
        ADD(out, "%" PRIu64 " ", now);
    if (c->size > 0)
        add_fill(out, (i + 1) * c->size / n - i * c->size / n);
    else if (!c->has_stamp && c->chunks > 0)
        ADD(out, i == 0 ? "w%" PRIu64 : " w%" PRIu64, i + 1);
    else if (!c->has_stamp && c->text.len > 0)
        add(out, next_word(c));
}

/* Never in the middle of a character. */
static size_t boundary(struct str text, size_t at)
{
    while (at < text.len && ((unsigned char)text.data[at] & 0xC0) == 0x80)
        at++;
    return at < text.len ? at : text.len;
}

static void write_arguments(struct sim_content *c, const struct sim_content_block *b,
                            struct buf *out)
{
    struct str all = {c->arguments.data + b->arguments_at, b->arguments_len};
    size_t from = boundary(all, (size_t)c->at_piece * ARGUMENT_PIECE);
    size_t to = boundary(all, ((size_t)c->at_piece + 1) * ARGUMENT_PIECE);

    c->text_bytes += to - from;
    sim_content_escape(out, (struct str){all.data + from, to - from});
}

static void go_on(struct sim_content *c)
{
    if (++c->at_piece < c->block[c->at_block].n_pieces)
        return;
    c->at_piece = 0;
    c->at_block++;
}

void sim_content_write(struct sim_content *c, usec_t now, struct buf *out)
{
    const struct sim_content_block *b = &c->block[c->at_block];
    size_t before = out->len;

    switch (b->kind) {
    case SIM_CONTENT_THINKING:
        ADD(out, c->at_piece == 0 ? "t%" PRIu64 : " t%" PRIu64, c->at_piece + 1);
        c->thinking_bytes += out->len - before;
        break;
    case SIM_CONTENT_REDACTED_THINKING:
        add(out, STR(SIM_CONTENT_REDACTED));
        break;
    case SIM_CONTENT_TEXT:
        write_text(c, b, now, out);
        c->text_bytes += out->len - before;
        break;
    case SIM_CONTENT_CALL:
        write_arguments(c, b, out);
        break;
    }
    go_on(c);
}

void sim_content_write_block(struct sim_content *c, usec_t now, struct buf *out)
{
    unsigned block = c->at_block;

    while (c->at_block == block)
        sim_content_write(c, now, out);
}

struct str sim_content_take_arguments(struct sim_content *c)
{
    const struct sim_content_block *b = &c->block[c->at_block];

    assert(b->kind == SIM_CONTENT_CALL);
    c->text_bytes += b->arguments_len;
    c->at_piece = 0;
    c->at_block++;
    return (struct str){c->arguments.data + b->arguments_at, b->arguments_len};
}
