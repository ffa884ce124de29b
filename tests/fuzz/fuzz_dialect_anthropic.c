#include "frames.h"
#include "inbound.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct translation {
    struct arena arena;
    struct dialect_stream reader;
    struct inbound_stream writer;
    struct buf out;
    bool is_over;
};

static bool on_frame(void *arg, struct str name, struct str data)
{
    struct translation *t = arg;
    struct chat_events events;

    chat_event_list_init(&events, &t->arena);
    t->is_over = !dialect_anthropic.read_event(&t->reader, name, data, &events) || events.is_full;
    for (const struct chat_event *e = events.first; e && !t->is_over; e = e->next)
        t->is_over = e->kind == CHAT_DONE || e->kind == CHAT_ERROR ||
                     (e->kind != CHAT_START &&
                      inbound_messages.write_event(&t->writer, e, &t->out) != BUF_OK);
    arena_clear(&t->arena);
    return !t->is_over;
}

static void translate(struct translation *t, struct str stream, size_t step)
{
    static const struct inbound_answer answer = {.id = "req_1", .model = "m"};
    struct frames frames;
    enum frames_result r = FRAMES_OK;

    t->reader = (struct dialect_stream){.n_tools = 0};
    t->is_over = false;
    inbound_stream_init(&t->writer, &answer);
    frames_init(&frames, &dialect_anthropic, on_frame, t);
    for (size_t at = 0; at < stream.len && r == FRAMES_OK; at += step)
        r = frames_feed(&frames, (struct str){stream.data + at,
                                              stream.len - at < step ? stream.len - at : step});
    if (inbound_messages.write_end(&t->writer, true, &t->out) != BUF_OK)
        t->is_over = true;
    frames_done(&frames);
    inbound_stream_done(&t->writer);
}

/* What a client relies on: one block at a time, numbered without a gap. */
struct check {
    struct arena arena;
    int64_t open, n_blocks;
    bool has_started, has_stopped;
};

static void require(bool is_true)
{
    if (!is_true)
        abort();
}

static bool check_frame(void *arg, struct str name, struct str data)
{
    struct check *c = arg;
    const struct json_value *root;
    size_t offset;
    int64_t index = -1;

    require(json_parse(&c->arena, data, &root, &offset) == JSON_OK);
    bool has_index = json_int(json_get(root, "index"), &index);
    require(!c->has_stopped && c->has_started != str_is(name, "message_start"));
    c->has_started = true;
    if (str_is(name, "content_block_start")) {
        require(c->open < 0 && index == c->n_blocks);
        c->open = c->n_blocks++;
    } else if (has_index) {
        require(c->open >= 0 && index == c->open);
        c->open = str_is(name, "content_block_stop") ? -1 : c->open;
    } else {
        require(c->open < 0);
    }
    c->has_stopped = str_is(name, "message_stop");
    arena_clear(&c->arena);
    return true;
}

static void check_written(struct str stream)
{
    struct check c = {.open = -1};
    struct frames frames;

    arena_init(&c.arena, 8 << 20);
    frames_init(&frames, &dialect_anthropic, check_frame, &c);
    require(frames_feed(&frames, stream) == FRAMES_OK && c.has_stopped);
    frames_done(&frames);
    arena_done(&c.arena);
}

/* The properties: cutting the stream differently changes nothing, and whatever comes in, what goes
 * out is a stream that a client understands. A whole answer of the same bytes breaks nothing. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str stream = {(const char *)data, size};
    struct translation whole = {.is_over = false}, cut = {.is_over = false};
    struct chat_events events;

    if (size == 0 || size > (64u << 10))
        return 0;
    arena_init(&whole.arena, 4 << 20);
    arena_init(&cut.arena, 4 << 20);
    buf_init(&whole.out, 8 << 20);
    buf_init(&cut.out, 8 << 20);
    translate(&whole, stream, size);
    translate(&cut, stream, 1 + data[size - 1] % 16);
    require(whole.is_over == cut.is_over && str_equal(buf_str(&whole.out), buf_str(&cut.out)));
    check_written(buf_str(&whole.out));

    chat_event_list_init(&events, &whole.arena);
    if (dialect_anthropic.read_answer(stream, &events))
        require(events.last->kind == CHAT_DONE);
    buf_done(&whole.out);
    buf_done(&cut.out);
    arena_done(&whole.arena);
    arena_done(&cut.arena);
    return 0;
}
