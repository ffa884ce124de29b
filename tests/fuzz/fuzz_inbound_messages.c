#include "inbound.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_true)
{
    if (!is_true)
        abort();
}

/* Read and written anew for Anthropic; empty when it cannot be. */
static struct str rewrite(struct arena *a, struct str body)
{
    const struct json_value *root;
    struct inbound_fault fault;
    struct dialect_call call = {.path = NULL};
    struct chat chat;
    size_t offset;

    if (json_parse(a, body, &root, &offset) != JSON_OK || !json_is(root, JSON_OBJECT))
        return STR_EMPTY;
    if (!inbound_messages.read_chat(a, root, &chat, &fault)) {
        require(!fault.message || fault.param);
        return STR_EMPTY;
    }
    struct dialect_request r = {.chat = &chat, .model = "claude-opus-5"};
    if (dialect_anthropic.write(a, &r, &call) != DIALECT_OK)
        return STR_EMPTY;
    return call.body[0];
}

/* The property: what was written is a request again, and says the same when read once more. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;

    if (size > (64u << 10))
        return 0;
    arena_init(&arena, 16 << 20);
    struct str once = rewrite(&arena, (struct str){(const char *)data, size});
    if (once.len > 0) {
        struct str twice = rewrite(&arena, once);
        require(str_equal(once, twice));
    }
    arena_done(&arena);
    return 0;
}
