/* written_chat.h -- a chat as a provider's dialect spells it, to be compared with what it should
 * be. The chat is given as a request to /v1/chat/completions. */
#pragma once

#include "base/json.h"
#include "check.h"
#include "dialect.h"
#include "inbound.h"

#include <string.h>

struct written_chat {
    const struct dialect *dialect;
    const char *model; /* at the provider */
    const char *keep_alive;
    uint64_t context_window;
};

static inline enum dialect_result write_chat(const struct written_chat *how, struct arena *a,
                                             const char *request, struct dialect_call *ret)
{
    const struct settings_provider provider = {.keep_alive = how->keep_alive};
    struct inbound_fault fault = {NULL, NULL};
    struct chat *chat = arena_alloc(a, sizeof(*chat));
    const struct json_value *root;
    size_t offset;

    CHECK_INT(json_parse(a, str_from(request), &root, &offset), JSON_OK);
    if (!inbound_chat.read_chat(a, root, chat, &fault))
        fail_msg("%s\n%s", request, fault.message ? fault.message : "the arena is full");
    struct dialect_request wanted = {.chat = chat,
                                     .model = how->model,
                                     .provider = &provider,
                                     .context_window = how->context_window};
    *ret = (struct dialect_call){.path = NULL};
    return how->dialect->write(a, &wanted, ret);
}

static inline void check_written(const struct written_chat *how, const char *request,
                                 const char *body)
{
    struct arena a;
    struct dialect_call call;
    const struct json_value *root;
    size_t offset;

    arena_init(&a, 1 << 20);
    if (write_chat(how, &a, request, &call) != DIALECT_OK)
        fail_msg("%s\ncannot be said: %d", request, call.cannot);
    CHECK_INT(call.n_body, 1);
    CHECK_INT(json_parse(&a, call.body[0], &root, &offset), JSON_OK);
    if (!str_is(call.body[0], body))
        fail_msg("%s\nis written as\n%.*s\nnot\n%s", request, STR_ARG(call.body[0]), body);
    arena_done(&a);
}

static inline void check_cannot(const struct written_chat *how, const char *request,
                                enum chat_feature feature)
{
    struct arena a;
    struct dialect_call call;

    arena_init(&a, 1 << 20);
    enum dialect_result r = write_chat(how, &a, request, &call);
    if (r != DIALECT_CANNOT || call.cannot != feature)
        fail_msg("%s\ngives %d %d, not %d", request, r, call.cannot, feature);
    arena_done(&a);
}
