#include "base/sse.h"
#include "event_rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct stream {
    struct dialect_stream state;
    uint32_t next_tool[CHAT_MAX_CHOICES];
    uint64_t hash;
};

static bool read_frame(struct stream *s, struct str name, struct str data)
{
    struct arena a;
    struct chat_events events;

    arena_init(&a, EVENT_ARENA);
    chat_event_list_init(&events, &a);
    bool is_valid = dialect_gemini.read_event(&s->state, name, data, &events) && !events.is_full;
    if (is_valid)
        event_check_all(&events, s->next_tool, &s->hash);
    arena_done(&a);
    return is_valid;
}

static bool on_event(void *arg, const struct sse_event *event)
{
    return read_frame(arg, str_from(event->name), (struct str){event->data, event->data_len});
}

static uint64_t read_stream(const uint8_t *data, size_t size, size_t step)
{
    struct stream s = {.hash = 0};
    struct sse_parser p;
    enum sse_result r = SSE_OK;

    sse_init(&p, 1 << 16, on_event, &s);
    for (size_t i = 0; i < size && r == SSE_OK; i += step)
        r = sse_feed(&p, (const char *)data + i, size - i < step ? size - i : step);
    sse_done(&p);
    return s.hash * 31 + (uint64_t)r;
}

/* The property: what is read keeps the rules of events, and cutting a stream differently changes
 * nothing. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    event_check_answer(&dialect_gemini, (struct str){(const char *)data, size});
    uint64_t whole = read_stream(data, size, size);
    event_must(read_stream(data, size, 1) == whole);
    event_must(read_stream(data, size, 2 + data[size - 1] % 16) == whole);
    return 0;
}
