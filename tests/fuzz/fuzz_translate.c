#include "base/sse.h"
#include "frames.h"
#include "inbound.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct dialect *const dialects[] = {
    &dialect_openai, &dialect_anthropic, &dialect_gemini, &dialect_bedrock, &dialect_ollama};
static const struct inbound *const inbounds[] = {&inbound_chat, &inbound_completions,
                                                 &inbound_responses, &inbound_messages};

#define N_DIALECTS (sizeof(dialects) / sizeof(*dialects))
#define N_INBOUNDS (sizeof(inbounds) / sizeof(*inbounds))

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void must_be_json(struct str text)
{
    struct arena a;
    const struct json_value *root;
    size_t offset;

    arena_init(&a, 64u << 20);
    must(json_parse(&a, text, &root, &offset) == JSON_OK && json_is(root, JSON_OBJECT));
    arena_done(&a);
}

/* ---- requests ---- */

static void write_request(const struct inbound *in, const struct dialect *d, struct str body)
{
    static const struct settings_provider provider = {
        .name = "p",
        .base_url = "https://bedrock-runtime.eu-west-1.amazonaws.com",
        .keep_alive = "5m"};
    struct arena a;
    struct chat chat;
    struct inbound_fault fault = {NULL, NULL};
    struct dialect_call call = {.path = NULL};
    const struct json_value *root;
    size_t offset;

    arena_init(&a, 16u << 20);
    if (json_parse(&a, body, &root, &offset) == JSON_OK && json_is(root, JSON_OBJECT) &&
        in->read_chat(&a, root, &chat, &fault)) {
        struct dialect_request wanted = {
            .chat = &chat, .model = "gemini-3-pro", .provider = &provider, .context_window = 1};
        if (d->write(&a, &wanted, &call) == DIALECT_OK) {
            must(call.path && call.n_body == 1);
            must_be_json(call.body[0]);
        }
    }
    arena_done(&a);
}

/* ---- answers ---- */

struct relayed {
    const struct dialect *dialect;
    const struct inbound *inbound;
    struct dialect_stream reader;
    struct inbound_stream writer;
    struct buf out;
};

static bool on_frame(void *arg, struct str name, struct str data)
{
    struct relayed *r = arg;
    struct arena a;
    struct chat_events events;

    arena_init(&a, 16u << 20);
    chat_event_list_init(&events, &a);
    bool goes_on = r->dialect->read_event(&r->reader, name, data, &events) && !events.is_full;
    for (const struct chat_event *e = events.first; e && goes_on; e = e->next) {
        goes_on = e->kind != CHAT_ERROR && e->kind != CHAT_DONE;
        if (goes_on && e->kind != CHAT_START)
            goes_on = r->inbound->write_event(&r->writer, e, &r->out) == BUF_OK;
    }
    arena_done(&a);
    return goes_on;
}

static bool check_event(void *arg, const struct sse_event *event)
{
    struct str data = {event->data, event->data_len};

    (void)arg;
    if (!str_is(data, "[DONE]"))
        must_be_json(data);
    return true;
}

static void relay(const struct dialect *d, const struct inbound *in, struct str bytes)
{
    static const struct chat chat = {.n = 1};
    static const struct inbound_answer answer = {
        .id = "req_1", .model = "m", .created = 1, .wants_usage = true, .chat = &chat};
    struct relayed r = {.dialect = d, .inbound = in};
    struct frames frames;
    struct sse_parser check;

    inbound_stream_init(&r.writer, &answer);
    buf_init(&r.out, 16u << 20);
    frames_init(&frames, d, on_frame, &r);
    (void)!frames_feed(&frames, bytes);
    frames_done(&frames);
    if (in->write_end(&r.writer, true, &r.out) == BUF_OK) {
        sse_init(&check, 16u << 20, check_event, NULL);
        must(sse_feed(&check, r.out.data, r.out.len) == SSE_OK);
        must(check.data.len == 0 && check.line.len == 0);
        sse_done(&check);
    }
    buf_done(&r.out);
    inbound_stream_done(&r.writer);
}

static void write_answer(const struct dialect *d, const struct inbound *in, struct str body)
{
    static const struct chat chat = {.n = 1};
    static const struct inbound_answer answer = {
        .id = "req_1", .model = "m", .created = 1, .chat = &chat};
    struct arena a;
    struct chat_events events;
    struct buf out;

    arena_init(&a, 16u << 20);
    buf_init(&out, 16u << 20);
    chat_event_list_init(&events, &a);
    if (d->read_answer(body, &events) && !events.is_full &&
        in->write_answer(&answer, events.first, &a, &out) == BUF_OK)
        must_be_json(buf_str(&out));
    buf_done(&out);
    arena_done(&a);
}

/* The property: whatever is read is written as JSON, for every pair of APIs. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};

    if (size == 0 || size > (32u << 10))
        return 0;
    for (size_t d = 0; d < N_DIALECTS; d++)
        for (size_t i = 0; i < N_INBOUNDS; i++) {
            write_request(inbounds[i], dialects[d], text);
            write_answer(dialects[d], inbounds[i], text);
            relay(dialects[d], inbounds[i], text);
        }
    return 0;
}
