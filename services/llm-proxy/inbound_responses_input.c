#include "inbound_responses.h"

#include <string.h>

#define MAX_CALLS 128 /* whose names are remembered for their results */

struct reader {
    struct request_field f; /* `at` is of the item in hand */
    struct chat *chat;
    struct chat_message *last;
    struct chat_part *last_part; /* of `last` */
    struct str call_signature;   /* of the call that comes next */
    struct {
        struct str id, name;
    } calls[MAX_CALLS];
    size_t n_calls;
};

static bool full(const struct request_field *f)
{
    f->fault->message = NULL;
    return false;
}

static bool has_prefix(struct str *s, const char *prefix)
{
    size_t len = strlen(prefix);

    if (!str_has_prefix(*s, prefix))
        return false;
    *s = (struct str){s->data + len, s->len - len};
    return true;
}

/* What the model said in one turn is one message, however many items it came in. */
static bool open_message(struct reader *r, enum chat_role role)
{
    if (r->last && r->last->role == role && role == CHAT_ASSISTANT)
        return true;
    r->last = chat_add_message(r->f.arena, &r->chat->messages, &r->last, role);
    r->last_part = NULL;
    return r->last || full(&r->f);
}

static struct chat_part *add_part(struct reader *r, enum chat_part_kind kind)
{
    struct chat_part *p = chat_add_part(r->f.arena, &r->last->parts, &r->last_part, kind);

    if (!p)
        full(&r->f);
    return p;
}

/* ---- content ---- */

/* "data:image/png;base64,…" or an address. */
static void read_source(struct str source, struct chat_part *p)
{
    struct str rest = source, type;

    if (!has_prefix(&rest, "data:") || !str_cut(&rest, ',', &type) || type.len < 7 ||
        memcmp(type.data + type.len - 7, ";base64", 7) != 0) {
        p->url = source;
        return;
    }
    p->media_type = (struct str){type.data, type.len - 7};
    p->data = rest;
}

static bool refuse_file_id(const struct request_field *f, const struct json_value *v)
{
    return !chat_request_field(v, "file_id") ||
           request_field_fail(f, "file_id", "'%sfile_id' names a file that only one provider has.",
                              f->at);
}

static bool read_image(const struct request_field *f, const struct json_value *v,
                       struct chat_part *p)
{
    static const char *const known[] = {"type", "image_url", "detail", "file_id"};
    struct str url = STR_EMPTY;

    if (!request_field_all_known(f, v, known, 4) || !refuse_file_id(f, v) ||
        !request_field_text(f, v, "image_url", &url) ||
        !request_field_text(f, v, "detail", &p->detail))
        return false;
    if (url.len == 0)
        return request_field_fail(f, "image_url", "'%simage_url' is missing.", f->at);
    read_source(url, p);
    return true;
}

static bool read_file(const struct request_field *f, const struct json_value *v,
                      struct chat_part *p)
{
    static const char *const known[] = {"type", "file_data", "file_url", "filename", "file_id"};
    struct str data = STR_EMPTY;

    if (!request_field_all_known(f, v, known, 5) || !refuse_file_id(f, v) ||
        !request_field_text(f, v, "file_data", &data) ||
        !request_field_text(f, v, "file_url", &p->url) ||
        !request_field_text(f, v, "filename", &p->detail))
        return false;
    if (data.len == 0 && p->url.len == 0)
        return request_field_fail(f, "file_data", "'%sfile_data' is missing.", f->at);
    if (data.len == 0)
        return true;
    read_source(data, p);
    if (p->data.len > 0)
        return true;
    p->data = data; /* bare base64 */
    p->media_type = STR("application/pdf");
    p->url = STR_EMPTY;
    return true;
}

static bool read_audio(const struct request_field *f, const struct json_value *v,
                       struct chat_part *p)
{
    const struct json_value *audio;
    struct str format = STR_EMPTY;

    if (!request_field_object(f, v, "input_audio", &audio))
        return false;
    if (!audio || !request_field_text(f, audio, "data", &p->data) ||
        !request_field_text(f, audio, "format", &format) || p->data.len == 0 || format.len == 0)
        return request_field_fail(f, "input_audio",
                                  "'%sinput_audio' must have 'data' and 'format'.", f->at);
    const char *type = arena_printf(f->arena, "audio/%.*s", STR_ARG(format));
    p->media_type = str_from(type);
    return type || full(f);
}

static bool read_text(const struct request_field *f, const struct json_value *v, const char *key,
                      struct chat_part *p)
{
    static const char *const known[] = {"type",        "text",     "refusal",
                                        "annotations", "logprobs", "parsed"};

    if (!request_field_all_known(f, v, known, 6))
        return false;
    if (!json_is(json_get(v, key), JSON_STRING))
        return request_field_fail(f, key, "'%s%s' must be a string.", f->at, key);
    return request_field_text(f, v, key, &p->text);
}

static bool kind_of(struct str type, enum chat_part_kind *ret)
{
    static const struct {
        const char *type;
        enum chat_part_kind kind;
    } table[] = {
        {"input_text", CHAT_PART_TEXT},   {"output_text", CHAT_PART_TEXT},
        {"text", CHAT_PART_TEXT},         {"refusal", CHAT_PART_REFUSAL},
        {"input_image", CHAT_PART_IMAGE}, {"input_file", CHAT_PART_FILE},
        {"input_audio", CHAT_PART_AUDIO},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (str_is(type, table[i].type)) {
            *ret = table[i].kind;
            return true;
        }
    return false;
}

static bool read_part(const struct request_field *f, const struct json_value *v,
                      const struct chat_part **first, struct chat_part **last)
{
    struct str type = STR_EMPTY;
    enum chat_part_kind kind;

    if (!json_is(v, JSON_OBJECT) || !request_field_text(f, v, "type", &type) ||
        !kind_of(type, &kind))
        return request_field_fail(f, "type",
                                  "'%stype' is no content that can be carried over to this "
                                  "provider.",
                                  f->at);
    struct chat_part *p = chat_add_part(f->arena, first, last, kind);
    if (!p)
        return full(f);
    switch (kind) {
    case CHAT_PART_TEXT:
        return read_text(f, v, "text", p);
    case CHAT_PART_REFUSAL:
        return read_text(f, v, "refusal", p);
    case CHAT_PART_IMAGE:
        return read_image(f, v, p);
    case CHAT_PART_FILE:
        return read_file(f, v, p);
    case CHAT_PART_AUDIO:
        return read_audio(f, v, p);
    case CHAT_PART_THINKING:
    case CHAT_PART_REDACTED_THINKING:
    case CHAT_PART_TOOL_CALL:
    case CHAT_PART_TOOL_RESULT:
        break;
    }
    return false;
}

/* A text, or a list of parts, under `key`. */
static bool read_content(const struct request_field *f, const struct json_value *item,
                         const char *key, const struct chat_part **first, struct chat_part **last)
{
    const struct json_value *content = chat_request_field(item, key);
    size_t n = 0;

    if (json_is(content, JSON_STRING)) {
        struct chat_part *p = chat_add_part(f->arena, first, last, CHAT_PART_TEXT);
        return (p && json_string(content, f->arena, &p->text)) || full(f);
    }
    if (!json_is(content, JSON_ARRAY))
        return request_field_fail(f, key, "'%s%s' must be a string or an array.", f->at, key);
    for (const struct json_value *v = content->child; v; v = v->next) {
        struct request_field inner = *f;
        inner.at = arena_printf(f->arena, "%s%s[%zu].", f->at, key, n++);
        if (!inner.at)
            return full(f);
        if (!read_part(&inner, v, first, last))
            return false;
    }
    return true;
}

/* ---- items ---- */

static bool read_role(const struct request_field *f, struct str role, enum chat_role *ret)
{
    if (str_is(role, "user"))
        *ret = CHAT_USER;
    else if (str_is(role, "assistant"))
        *ret = CHAT_ASSISTANT;
    else if (str_is(role, "system") || str_is(role, "developer"))
        *ret = CHAT_SYSTEM;
    else
        return request_field_fail(f, "role",
                                  "'%srole' must be user, assistant, system or developer.", f->at);
    return true;
}

static bool read_message(struct reader *r, const struct json_value *item)
{
    static const char *const known[] = {"type", "role", "content", "id", "status", "phase"};
    struct str text = STR_EMPTY;
    enum chat_role role;

    return request_field_all_known(&r->f, item, known, 6) &&
           request_field_text(&r->f, item, "role", &text) && read_role(&r->f, text, &role) &&
           open_message(r, role) &&
           read_content(&r->f, item, "content", &r->last->parts, &r->last_part);
}

static bool read_call(struct reader *r, const struct json_value *item)
{
    static const char *const known[] = {"type",   "call_id",         "name", "arguments", "id",
                                        "status", "parsed_arguments"};

    if (!request_field_all_known(&r->f, item, known, 7) || !open_message(r, CHAT_ASSISTANT))
        return false;
    struct chat_part *p = add_part(r, CHAT_PART_TOOL_CALL);
    if (!p || !request_field_text(&r->f, item, "call_id", &p->id) ||
        !request_field_text(&r->f, item, "name", &p->name) ||
        !request_field_text(&r->f, item, "arguments", &p->arguments))
        return false;
    if (p->id.len == 0 || p->name.len == 0)
        return request_field_fail(&r->f, p->id.len == 0 ? "call_id" : "name", "'%s%s' is missing.",
                                  r->f.at, p->id.len == 0 ? "call_id" : "name");
    p->signature = r->call_signature;
    r->call_signature = STR_EMPTY;
    r->calls[r->n_calls % MAX_CALLS].id = p->id;
    r->calls[r->n_calls++ % MAX_CALLS].name = p->name;
    return true;
}

static struct str name_of_call(const struct reader *r, struct str id)
{
    size_t n = r->n_calls < MAX_CALLS ? r->n_calls : MAX_CALLS;

    for (size_t i = 0; i < n; i++)
        if (str_equal(r->calls[i].id, id))
            return r->calls[i].name;
    return STR_EMPTY;
}

static bool read_output(struct reader *r, const struct json_value *item)
{
    static const char *const known[] = {"type", "call_id", "output", "id", "status"};
    struct chat_part *last = NULL;

    if (!request_field_all_known(&r->f, item, known, 5) || !open_message(r, CHAT_TOOL))
        return false;
    struct chat_part *p = add_part(r, CHAT_PART_TOOL_RESULT);
    if (!p || !request_field_text(&r->f, item, "call_id", &p->id))
        return false;
    if (p->id.len == 0)
        return request_field_fail(&r->f, "call_id", "'%scall_id' is missing.", r->f.at);
    p->name = name_of_call(r, p->id);
    return read_content(&r->f, item, "output", &p->content, &last);
}

static bool join_texts(struct reader *r, const struct json_value *list, struct str *text)
{
    CLEANUP(buf_done) struct buf joined;

    buf_init(&joined, list->raw.len + list->n_children + 1);
    for (const struct json_value *v = list->child; v; v = v->next) {
        struct str piece;
        if (!json_string(json_get(v, "text"), r->f.arena, &piece))
            continue;
        if ((joined.len > 0 && buf_add(&joined, "\n", 1) != BUF_OK) ||
            buf_add_str(&joined, piece) != BUF_OK)
            return full(&r->f);
    }
    *text = (struct str){arena_copy(r->f.arena, buf_str(&joined)), joined.len};
    return text->data || full(&r->f);
}

/* Proof that this gateway gave out carries what it proves; another's is of no use to the provider
 * that is asked now, and only the text is kept. */
static bool read_reasoning(struct reader *r, const struct json_value *item)
{
    static const char *const known[] = {"type",  "id", "summary", "content", "encrypted_content",
                                        "status"};
    const struct json_value *summary, *content;
    struct str proof = STR_EMPTY;

    if (!request_field_all_known(&r->f, item, known, 6) ||
        !request_field_array(&r->f, item, "summary", &summary) ||
        !request_field_array(&r->f, item, "content", &content) ||
        !request_field_text(&r->f, item, "encrypted_content", &proof))
        return false;
    if (has_prefix(&proof, INBOUND_RESPONSES_CALL)) {
        r->call_signature = proof;
        return true;
    }
    if (!open_message(r, CHAT_ASSISTANT))
        return false;
    bool is_opaque = has_prefix(&proof, INBOUND_RESPONSES_REDACTED);
    bool is_ours = is_opaque || has_prefix(&proof, INBOUND_RESPONSES_THINKING);
    struct chat_part *p = add_part(r, is_opaque ? CHAT_PART_REDACTED_THINKING : CHAT_PART_THINKING);
    if (!p)
        return false;
    if (is_opaque) {
        p->text = proof;
        return true;
    }
    if (is_ours)
        p->signature = proof;
    const struct json_value *text = content && content->n_children > 0 ? content : summary;
    return !text || join_texts(r, text, &p->text);
}

static bool read_item(struct reader *r, const struct json_value *item)
{
    struct str type = STR("message");

    if (!json_is(item, JSON_OBJECT))
        return request_field_fail(&r->f, "type", "Each of 'input' must be an object.");
    if (!request_field_text(&r->f, item, "type", &type))
        return false;
    if (str_is(type, "message"))
        return read_message(r, item);
    if (str_is(type, "function_call"))
        return read_call(r, item);
    if (str_is(type, "function_call_output"))
        return read_output(r, item);
    if (str_is(type, "reasoning"))
        return read_reasoning(r, item);
    if (str_is(type, "item_reference"))
        return request_field_fail(&r->f, "type",
                                  "'%stype' refers to a stored item: nothing is stored here, send "
                                  "the item itself.",
                                  r->f.at);
    return request_field_fail(
        &r->f, "type", "'%stype' is no item that can be carried over to this provider.", r->f.at);
}

bool inbound_responses_input_read(const struct request_field *f, const struct json_value *root,
                                  struct chat *ret)
{
    struct reader r = {.f = *f, .chat = ret};
    const struct json_value *input = chat_request_field(root, "input");
    struct str instructions = STR_EMPTY;
    size_t n = 0;

    if (!request_field_text(f, root, "instructions", &instructions))
        return false;
    if (instructions.len > 0) {
        if (!open_message(&r, CHAT_SYSTEM))
            return false;
        struct chat_part *p = add_part(&r, CHAT_PART_TEXT);
        if (!p)
            return false;
        p->text = instructions;
    }
    if (json_is(input, JSON_STRING)) {
        if (!open_message(&r, CHAT_USER))
            return false;
        struct chat_part *p = add_part(&r, CHAT_PART_TEXT);
        return p && (json_string(input, f->arena, &p->text) || full(f));
    }
    if (!json_is(input, JSON_ARRAY) || input->n_children == 0)
        return request_field_fail(f, "input", "'input' must be a text or a list of items.");
    for (const struct json_value *v = input->child; v; v = v->next) {
        r.f.at = arena_printf(f->arena, "input[%zu].", n++);
        if (!r.f.at)
            return full(f);
        if (!read_item(&r, v))
            return false;
    }
    return true;
}
