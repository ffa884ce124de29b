#include "inbound.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_true)
{
    if (!is_true)
        abort();
}

/* Calls are numbered without a gap, and arguments belong to one that was announced. */
static void check(const struct chat_events *events, uint32_t *n_tools)
{
    for (const struct chat_event *e = events->first; e; e = e->next) {
        require(e->kind != CHAT_TOOL_CALL || e->tool == (*n_tools)++);
        require(e->kind != CHAT_ARGUMENTS || e->tool < *n_tools);
        require(*n_tools <= CHAT_MAX_TOOLS);
    }
}

/* Lines of "name: data", as the messages of a stream; and the same bytes as a whole answer and as a
 * request of Anthropic's API, which has to be JSON when it goes on. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size}, rest = text, line, name;
    struct dialect_stream stream = {.n_tools = 0};
    struct inbound_fault fault;
    struct dialect_call call = {.path = NULL};
    const struct json_value *root;
    struct chat_events events;
    struct chat chat;
    struct arena arena;
    uint32_t n_tools = 0;
    size_t offset;

    if (size > (64u << 10))
        return 0;
    arena_init(&arena, 16 << 20);
    bool is_valid = true;
    while (is_valid && str_cut(&rest, '\n', &line)) {
        chat_event_list_init(&events, &arena);
        if (!str_cut(&line, ':', &name))
            continue;
        is_valid = dialect_bedrock.read_event(&stream, name, line, &events);
        check(&events, &n_tools);
    }
    n_tools = 0;
    chat_event_list_init(&events, &arena);
    if (dialect_bedrock.read_answer(text, &events))
        require(events.last->kind == CHAT_DONE);
    check(&events, &n_tools);

    struct dialect_request r = {.chat = &chat, .model = "eu.anthropic.claude-sonnet-5-v1:0"};
    if (json_parse(&arena, text, &root, &offset) == JSON_OK && json_is(root, JSON_OBJECT) &&
        inbound_messages.read_chat(&arena, root, &chat, &fault) &&
        dialect_bedrock.write(&arena, &r, &call) == DIALECT_OK)
        require(json_parse(&arena, call.body[0], &root, &offset) == JSON_OK);
    arena_done(&arena);
    return 0;
}
