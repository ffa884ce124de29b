#include "dialect_anthropic.h"

#include "base/json.h"
#include "base/json_edit.h"
#include "base/json_write.h"

#include <string.h>

/* ---- what another provider's answer left in the conversation ---- */

static bool is_spelled(const struct json_value *v, const char *text)
{
    return v && str_is(v->raw, text);
}

/* Thinking that nobody signed, and the proof of a call that only its own provider wants back: this
 * proxy wrote them for the caller, and Anthropic would refuse the whole conversation. */
static bool is_foreign(const struct json_value *block)
{
    const struct json_value *type = json_get(block, "type"), *data = json_get(block, "data");

    if (is_spelled(type, "\"thinking\""))
        return is_spelled(json_get(block, "signature"), "\"\"");
    return is_spelled(type, "\"redacted_thinking\"") && data &&
           str_has_prefix(data->raw, "\"" DIALECT_ANTHROPIC_CALL_PROOF);
}

static size_t count_foreign(const struct json_value *message)
{
    const struct json_value *content = json_get(message, "content");
    size_t n = 0;

    if (!json_is(content, JSON_ARRAY) || !is_spelled(json_get(message, "role"), "\"assistant\""))
        return 0;
    for (const struct json_value *b = content->child; b; b = b->next)
        n += is_foreign(b);
    return n;
}

static char *copy(char *to, const char *from, const char *end)
{
    memcpy(to, from, (size_t)(end - from));
    return to + (end - from);
}

static const char *end_of(const struct json_value *v)
{
    return v->raw.data + v->raw.len;
}

/* The message with the rest of its blocks; all else as it was. */
static char *copy_without(char *to, const struct json_value *message)
{
    const struct json_value *content = json_get(message, "content");
    bool has_block = false;

    to = copy(to, message->raw.data, content->raw.data);
    *to++ = '[';
    for (const struct json_value *b = content->child; b; b = b->next) {
        if (is_foreign(b))
            continue;
        if (has_block)
            *to++ = ',';
        has_block = true;
        to = copy(to, b->raw.data, end_of(b));
    }
    *to++ = ']';
    return copy(to, end_of(content), end_of(message));
}

/* The messages without it; a message that held nothing else goes with it. Empty: nothing to do.
 * False when the arena is full. */
static bool clean(struct arena *a, const struct json_value *messages, struct str *ret)
{
    const struct json_value *m = messages ? messages->child : NULL;
    bool has_message = false;
    char *text, *to;

    *ret = STR_EMPTY;
    while (m && count_foreign(m) == 0)
        m = m->next;
    if (!m)
        return true;
    text = to = arena_alloc(a, messages->raw.len + 1);
    if (!text)
        return false;
    *to++ = '[';
    for (m = messages->child; m; m = m->next) {
        size_t n = count_foreign(m);
        if (n > 0 && n == json_get(m, "content")->n_children)
            continue;
        if (has_message)
            *to++ = ',';
        has_message = true;
        to = n > 0 ? copy_without(to, m) : copy(to, m->raw.data, end_of(m));
    }
    *to++ = ']';
    *ret = (struct str){text, (size_t)(to - text)};
    return true;
}

/* ---- the request ---- */

static bool replace_messages(struct arena *a, const struct dialect_request *r,
                             struct json_edit *edit)
{
    const struct json_value *messages = r->asked->messages;
    struct str cleaned;
    size_t offset;

    if (r->messages.len > 0 && json_parse(a, r->messages, &messages, &offset) != JSON_OK)
        return false;
    if (!clean(a, messages, &cleaned))
        return false;
    if (cleaned.len > 0)
        json_edit_replace(edit, r->asked->messages, cleaned);
    else if (r->messages.len > 0)
        json_edit_replace(edit, r->asked->messages, r->messages);
    return true;
}

enum dialect_result dialect_anthropic_forward(struct arena *a, const struct dialect_request *r,
                                              struct dialect_call *ret)
{
    struct json_edit edit;

    json_edit_init(&edit, r->asked->body);
    if (!str_is(r->asked->model, r->model)) {
        struct str model = json_write_quoted(a, r->model);
        if (model.len == 0)
            return DIALECT_FULL;
        json_edit_replace(&edit, r->asked->model_value, model);
    }
    if (!replace_messages(a, r, &edit))
        return DIALECT_FULL;
    dialect_anthropic_address(ret);
    ret->n_body = json_edit_pieces(&edit, ret->body);
    return DIALECT_OK;
}
