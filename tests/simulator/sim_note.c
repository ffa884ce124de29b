#include "sim_note.h"

#include "base/digest.h"
#include "sim_error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void sim_note_init(struct sim_note *n, struct arena *a, const struct sim_http_request *request,
                   struct sim_chat *chat, struct buf *out)
{
    *n = (struct sim_note){
        .arena = a, .request = request, .chat = chat, .error_kind = SIM_ERROR_INVALID};
    *chat = (struct sim_chat){.model = STR_EMPTY, .text = STR_EMPTY};
    json_write_init(&n->w, out);
}

bool sim_note_refuse(struct sim_note *n, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(n->error, sizeof(n->error), format, args);
    va_end(args);
    return false;
}

bool sim_note_body(struct sim_note *n)
{
    size_t offset;
    enum json_result r = json_parse(n->arena, n->request->body, &n->root, &offset);

    if (r != JSON_OK)
        return sim_note_refuse(n, "%s", json_result_text(r));
    return json_is(n->root, JSON_OBJECT) || sim_note_refuse(n, "the body is an object");
}

struct str sim_note_spelled(const struct json_value *string)
{
    if (!json_is(string, JSON_STRING))
        return STR_EMPTY;
    return (struct str){string->raw.data + 1, string->raw.len - 2};
}

static void raw_member(struct sim_note *n, const char *key, const struct json_value *v)
{
    if (!v)
        return;
    json_write_key(&n->w, key);
    json_write_raw(&n->w, v->raw);
}

void sim_note_head(struct sim_note *n)
{
    json_write_begin(&n->w, '{');
    json_write_member_str(&n->w, "model", n->chat->model);
    json_write_member_bool(&n->w, "stream", n->chat->is_stream);
}

void sim_note_messages(struct sim_note *n)
{
    json_write_key(&n->w, "messages");
    json_write_begin(&n->w, '[');
}

void sim_note_message(struct sim_note *n, const char *role)
{
    n->is_user_message = strcmp(role, "user") == 0;
    if (n->is_user_message)
        n->chat->files[0] = '\0';
    json_write_begin(&n->w, '{');
    json_write_member(&n->w, "role", role);
    json_write_key(&n->w, "parts");
    json_write_begin(&n->w, '[');
}

void sim_note_message_end(struct sim_note *n)
{
    json_write_end(&n->w, ']');
    json_write_end(&n->w, '}');
}

void sim_note_messages_end(struct sim_note *n)
{
    json_write_end(&n->w, ']');
}

static void part(struct sim_note *n, const char *type)
{
    json_write_begin(&n->w, '{');
    json_write_member(&n->w, "type", type);
}

void sim_note_words(struct sim_note *n, const char *type, const struct json_value *text,
                    const struct json_value *more)
{
    if (!json_is(text, JSON_STRING) && !more)
        return;
    part(n, type);
    raw_member(n, "text", text);
    raw_member(n, "signature", more);
    json_write_end(&n->w, '}');
}

void sim_note_text(struct sim_note *n, const struct json_value *text)
{
    if (!json_is(text, JSON_STRING))
        return;
    n->chat->text = sim_note_spelled(text);
    n->chat->prompt_bytes += n->chat->text.len;
    sim_note_words(n, "text", text, NULL);
}

void sim_note_signed_text(struct sim_note *n, const struct json_value *text,
                          const struct json_value *signature)
{
    if (json_is(text, JSON_STRING)) {
        n->chat->text = sim_note_spelled(text);
        n->chat->prompt_bytes += n->chat->text.len;
    }
    sim_note_words(n, "text", text, signature);
}

void sim_note_json(struct sim_note *n, const struct json_value *value)
{
    part(n, "json");
    raw_member(n, "value", value);
    json_write_end(&n->w, '}');
    n->chat->prompt_bytes += value ? value->raw.len : 0;
}

void sim_note_redacted(struct sim_note *n, const struct json_value *data)
{
    part(n, "redacted");
    raw_member(n, "data", data);
    json_write_end(&n->w, '}');
}

/* Told back at the end of the echo. */
static void tell_file(struct sim_note *n, struct str media_type, size_t bytes)
{
    size_t at = strlen(n->chat->files);

    if (!n->is_user_message)
        return;
    int length = snprintf(n->chat->files + at, sizeof(n->chat->files) - at, " [%.*s %zu]",
                          STR_ARG(media_type), bytes);
    if (length < 0 || at + (size_t)length >= sizeof(n->chat->files))
        n->chat->files[at] = '\0';
}

static size_t decoded_size(struct str base64)
{
    size_t n = base64.len;

    while (n > 0 && base64.data[n - 1] == '=')
        n--;
    return n * 3 / 4;
}

void sim_note_file(struct sim_note *n, struct str media_type, struct str base64)
{
    uint8_t digest[DIGEST_SIZE];
    char hex[2 * DIGEST_SIZE + 1];

    digest_sha256(base64, digest);
    digest_hex(digest, sizeof(digest), hex);
    part(n, "file");
    json_write_member_str(&n->w, "media_type", media_type);
    json_write_member_u64(&n->w, "bytes", decoded_size(base64));
    json_write_member(&n->w, "base64_sha256", hex);
    json_write_end(&n->w, '}');
    tell_file(n, media_type, decoded_size(base64));
}

void sim_note_url(struct sim_note *n, struct str media_type, const struct json_value *url)
{
    part(n, "file");
    if (media_type.len > 0)
        json_write_member_str(&n->w, "media_type", media_type);
    raw_member(n, "url", url);
    json_write_end(&n->w, '}');
    tell_file(n, STR("url"), sim_note_spelled(url).len);
}

void sim_note_data_url(struct sim_note *n, const struct json_value *url)
{
    struct str text = sim_note_spelled(url), media;

    if (!str_has_prefix(text, "data:")) {
        sim_note_url(n, STR_EMPTY, url);
        return;
    }
    text.data += 5;
    text.len -= 5;
    (void)!str_cut(&text, ';', &media);
    if (text.data && str_has_prefix(text, "base64,"))
        sim_note_file(n, media, (struct str){text.data + 7, text.len - 7});
}

void sim_note_call(struct sim_note *n, const struct json_value *id, const struct json_value *name,
                   const struct json_value *arguments, const struct json_value *signature)
{
    const struct json_value *inner = NULL;
    struct str text;
    size_t offset;

    part(n, "call");
    raw_member(n, "id", id);
    raw_member(n, "name", name);
    if (json_string(arguments, n->arena, &text) &&
        json_parse(n->arena, text, &inner, &offset) == JSON_OK)
        raw_member(n, "arguments", inner);
    else
        raw_member(n, "arguments", arguments);
    raw_member(n, "signature", signature);
    json_write_end(&n->w, '}');
}

void sim_note_result(struct sim_note *n, const struct json_value *id, const struct json_value *name,
                     bool is_error)
{
    part(n, "result");
    raw_member(n, "id", id);
    raw_member(n, "name", name);
    json_write_member_bool(&n->w, "is_error", is_error);
    json_write_key(&n->w, "parts");
    json_write_begin(&n->w, '[');
}

void sim_note_result_end(struct sim_note *n)
{
    json_write_end(&n->w, ']');
    json_write_end(&n->w, '}');
}

void sim_note_tools(struct sim_note *n)
{
    json_write_key(&n->w, "tools");
    json_write_begin(&n->w, '[');
}

void sim_note_tool(struct sim_note *n, const struct json_value *name,
                   const struct json_value *description, const struct json_value *schema)
{
    struct sim_chat *chat = n->chat;

    if (chat->n_tools < SIM_CHAT_MAX_TOOLS)
        chat->tools[chat->n_tools++] =
            (struct sim_chat_tool){.name = sim_note_spelled(name), .schema = schema};
    json_write_begin(&n->w, '{');
    raw_member(n, "name", name);
    raw_member(n, "description", description);
    raw_member(n, "schema", schema);
    json_write_end(&n->w, '}');
}

static void put_first(struct sim_chat *chat, struct str name)
{
    for (size_t i = 0; i < chat->n_tools; i++) {
        if (!str_equal(chat->tools[i].name, name))
            continue;
        struct sim_chat_tool tool = chat->tools[i];
        chat->tools[i] = chat->tools[0];
        chat->tools[0] = tool;
    }
}

void sim_note_tools_end(struct sim_note *n, const char *choice, const struct json_value *name)
{
    json_write_end(&n->w, ']');
    if (!choice)
        return;
    n->chat->must_call = strcmp(choice, "required") == 0 || strcmp(choice, "named") == 0;
    json_write_member(&n->w, "tool_choice", choice);
    raw_member(n, "tool_choice_name", name);
    if (name)
        put_first(n->chat, sim_note_spelled(name));
}

void sim_note_stops(struct sim_note *n, const struct json_value *stops)
{
    const struct json_value *one = json_is(stops, JSON_ARRAY) ? stops->child : stops;

    if (!stops || stops->type == JSON_NULL)
        return;
    json_write_key(&n->w, "stop");
    json_write_begin(&n->w, '[');
    for (; json_is(one, JSON_STRING); one = one->next) {
        json_write_raw(&n->w, one->raw);
        if (n->chat->n_stops < SIM_CHAT_MAX_STOPS)
            n->chat->stops[n->chat->n_stops++] = sim_note_spelled(one);
        if (one == stops)
            break;
    }
    json_write_end(&n->w, ']');
}

void sim_note_format(struct sim_note *n, const char *type, const struct json_value *name,
                     const struct json_value *schema)
{
    n->chat->wants_json = true;
    n->chat->schema = schema;
    json_write_key(&n->w, "format");
    json_write_begin(&n->w, '{');
    json_write_member(&n->w, "type", type);
    raw_member(n, "name", name);
    raw_member(n, "schema", schema);
    json_write_end(&n->w, '}');
}

void sim_note_params(struct sim_note *n, const struct sim_note_param *rows, size_t n_rows)
{
    json_write_key(&n->w, "params");
    json_write_begin(&n->w, '{');
    for (size_t i = 0; i < n_rows; i++)
        raw_member(n, rows[i].name, json_at(n->root, rows[i].path));
    json_write_end(&n->w, '}');
}

static bool is_known(struct str key, const char *const *known, const struct sim_note_param *rows,
                     size_t n_rows)
{
    for (; *known; known++)
        if (str_is(key, *known))
            return true;
    for (size_t i = 0; i < n_rows; i++) {
        struct str path = str_from(rows[i].path), first;
        if (str_cut(&path, '.', &first) && str_equal(first, key))
            return true;
    }
    return false;
}

const struct json_value *sim_note_unknown(struct sim_note *n, const char *const *known,
                                          const struct sim_note_param *rows, size_t n_rows)
{
    const struct json_value *found = NULL;

    json_write_key(&n->w, "unknown");
    json_write_begin(&n->w, '[');
    for (const struct json_value *v = n->root->child; v; v = v->next) {
        if (is_known(v->key, known, rows, n_rows))
            continue;
        if (!found)
            found = v;
        json_write_str(&n->w, v->key);
    }
    json_write_end(&n->w, ']');
    json_write_end(&n->w, '}');
    return found;
}
