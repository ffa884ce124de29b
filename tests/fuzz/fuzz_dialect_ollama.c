#include "base/ndjson.h"
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
    bool is_valid = dialect_ollama.read_event(&s->state, name, data, &events) && !events.is_full;
    if (is_valid)
        event_check_all(&events, s->next_tool, &s->hash);
    arena_done(&a);
    return is_valid;
}

static bool on_line(void *arg, struct str line)
{
    return read_frame(arg, STR_EMPTY, line);
}

static uint64_t read_stream(const uint8_t *data, size_t size, size_t step)
{
    struct stream s = {.hash = 0};
    struct ndjson_parser p;
    enum ndjson_result r = NDJSON_OK;

    ndjson_init(&p, 1 << 16, on_line, &s);
    for (size_t i = 0; i < size && r == NDJSON_OK; i += step)
        r = ndjson_feed(&p, (const char *)data + i, size - i < step ? size - i : step);
    ndjson_done(&p);
    return s.hash * 31 + (uint64_t)r;
}

/* The property: what is read keeps the rules of events, and cutting a stream differently changes
 * nothing. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    event_check_answer(&dialect_ollama, (struct str){(const char *)data, size});
    uint64_t whole = read_stream(data, size, size);
    event_must(read_stream(data, size, 1) == whole);
    event_must(read_stream(data, size, 2 + data[size - 1] % 16) == whole);
    return 0;
}
