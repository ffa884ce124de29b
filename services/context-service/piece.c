#include "piece.h"

#include <string.h>

static bool has_type(const struct json_value *block, const char *type)
{
    const struct json_value *v = json_get(block, "type");

    return json_is(v, JSON_STRING) && str_is((struct str){v->raw.data + 1, v->raw.len - 2}, type);
}

static const struct json_value *string_at(const struct json_value *object, const char *key)
{
    const struct json_value *v = json_get(object, key);

    return json_is(v, JSON_STRING) ? v : NULL;
}

/* A string, or a list of parts with texts. */
static void each_text(const struct json_value *content, struct piece p, piece_fn fn, void *arg)
{
    if (json_is(content, JSON_STRING)) {
        p.text = content;
        fn(arg, &p);
    }
    if (!json_is(content, JSON_ARRAY))
        return;
    for (const struct json_value *part = content->child; part; part = part->next) {
        p.text = string_at(part, "text");
        if (p.text)
            fn(arg, &p);
    }
}

static void give_result(const struct json_value *block, piece_fn fn, void *arg)
{
    struct piece p = {.kind = PIECE_OUTPUT, .id = string_at(block, "tool_use_id")};
    bool is_error;

    p.is_error = json_bool(json_get(block, "is_error"), &is_error) && is_error;
    each_text(json_get(block, "content"), p, fn, arg);
}

static void give_block(const struct json_value *block, piece_fn fn, void *arg)
{
    struct piece p = {.kind = PIECE_PROSE};

    if (has_type(block, "tool_result")) {
        give_result(block, fn, arg);
        return;
    }
    if (has_type(block, "tool_use")) {
        p.kind = PIECE_CALL;
        p.text = json_get(block, "input");
        p.name = string_at(block, "name");
        p.id = string_at(block, "id");
    } else if (has_type(block, "text") || has_type(block, "input_text") ||
               has_type(block, "output_text")) {
        p.text = string_at(block, "text");
    }
    if (p.text)
        fn(arg, &p);
}

static void give_calls(const struct json_value *message, piece_fn fn, void *arg)
{
    const struct json_value *calls = json_get(message, "tool_calls");

    if (!json_is(calls, JSON_ARRAY))
        return;
    for (const struct json_value *call = calls->child; call; call = call->next) {
        const struct json_value *function = json_get(call, "function");
        struct piece p = {.kind = PIECE_CALL,
                          .text = string_at(function, "arguments"),
                          .name = string_at(function, "name"),
                          .id = string_at(call, "id")};
        if (p.text)
            fn(arg, &p);
    }
}

/* What the model did, or what came of it, as an item of the Responses API. */
static void give_item(const struct json_value *item, enum conversation_role role, piece_fn fn,
                      void *arg)
{
    struct piece p = {.kind = PIECE_CALL,
                      .text = string_at(item, "arguments"),
                      .name = string_at(item, "name"),
                      .id = string_at(item, "call_id")};

    if (role == ROLE_TOOL) {
        p.kind = PIECE_OUTPUT;
        each_text(json_get(item, "output"), p, fn, arg);
        return;
    }
    if (!p.text)
        p.text = string_at(item, "input");
    if (p.text)
        fn(arg, &p);
}

void piece_each(const struct json_value *message, enum conversation_role role, piece_fn fn,
                void *arg)
{
    const struct json_value *content = json_get(message, "content");
    bool is_own_result =
        role == ROLE_TOOL && (!json_is(content, JSON_ARRAY) || json_get(message, "tool_call_id"));

    if (!json_get(message, "role")) {
        give_item(message, role, fn, arg);
        return;
    }
    if (is_own_result) { /* a message of its own, as OpenAI has them */
        struct piece p = {.kind = PIECE_OUTPUT, .id = string_at(message, "tool_call_id")};
        each_text(content, p, fn, arg);
        return;
    }
    if (json_is(content, JSON_STRING)) {
        struct piece p = {.kind = PIECE_PROSE, .text = content};
        fn(arg, &p);
    }
    if (json_is(content, JSON_ARRAY))
        for (const struct json_value *block = content->child; block; block = block->next)
            give_block(block, fn, arg);
    give_calls(message, fn, arg);
}
