#include "base/json.h"
#include "inbound_chat.h"

/* One message while it is read. */
struct reading {
    struct arena *arena;
    const struct json_value *message;
    const struct chat_part **first;
    struct chat_part *last;
    const char *wrong; /* a sentence; "" when the arena is full */
};

static struct chat_part *add_part(struct reading *r, enum chat_part_kind kind)
{
    struct chat_part *p = chat_add_part(r->arena, r->first, &r->last, kind);

    if (!p)
        r->wrong = "";
    return p;
}

static struct str text_at(struct reading *r, const struct json_value *from, const char *path)
{
    const struct json_value *v = json_at(from, path);
    struct str text = STR_EMPTY;

    if (!v || v->type == JSON_NULL)
        return STR_EMPTY;
    if (!json_string(v, r->arena, &text))
        r->wrong = arena_printf(r->arena, "'%s' must be a string.", path);
    return text;
}

static void add_text(struct reading *r, enum chat_part_kind kind, struct str text)
{
    struct chat_part *p = text.len > 0 ? add_part(r, kind) : NULL;

    if (p)
        p->text = text;
}

/* "data:image/png;base64,AAAA" in its parts, or a plain URL. */
static bool split_data_url(struct arena *a, struct str url, struct chat_part *p)
{
    static const char mark[] = ";base64,";

    if (!str_has_prefix_nocase(url, "data:")) {
        p->url = url;
        return true;
    }
    for (size_t i = 5; i + sizeof(mark) - 1 <= url.len; i++) {
        struct str rest = {url.data + i, url.len - i};
        if (rest.data[0] == ',')
            return false;
        if (!str_has_prefix_nocase(rest, mark))
            continue;
        p->media_type = str_from(arena_copy(a, (struct str){url.data + 5, i - 5}));
        p->data = (struct str){rest.data + sizeof(mark) - 1, rest.len - (sizeof(mark) - 1)};
        return true;
    }
    return false;
}

static void read_image(struct reading *r, const struct json_value *part)
{
    const struct json_value *image = json_get(part, "image_url");
    struct chat_part *p = add_part(r, CHAT_PART_IMAGE);

    if (!p)
        return;
    struct str url = json_is(image, JSON_STRING) ? text_at(r, part, "image_url")
                                                 : text_at(r, part, "image_url.url");
    p->detail = text_at(r, part, "image_url.detail");
    if (!r->wrong && (url.len == 0 || !split_data_url(r->arena, url, p)))
        r->wrong = "An image needs an 'image_url.url': https://… or data:TYPE;base64,….";
}

static void read_audio(struct reading *r, const struct json_value *part)
{
    struct chat_part *p = add_part(r, CHAT_PART_AUDIO);

    if (!p)
        return;
    p->data = text_at(r, part, "input_audio.data");
    struct str format = text_at(r, part, "input_audio.format");
    p->media_type = str_from(arena_printf(r->arena, "audio/%.*s", STR_ARG(format)));
    if (!r->wrong && (p->data.len == 0 || format.len == 0))
        r->wrong = "'input_audio' needs 'data' and 'format'.";
}

static void read_file(struct reading *r, const struct json_value *part)
{
    struct chat_part *p = add_part(r, CHAT_PART_FILE);

    if (!p)
        return;
    p->detail = text_at(r, part, "file.filename");
    struct str data = text_at(r, part, "file.file_data");
    if (!r->wrong && (data.len == 0 || !split_data_url(r->arena, data, p)))
        r->wrong = "A 'file' needs 'file_data': data:TYPE;base64,…. A 'file_id' of one provider "
                   "means nothing to another.";
}

static void read_text(struct reading *r, const struct json_value *part)
{
    const struct json_value *mark = json_get(part, "cache_control");
    struct chat_part *p = add_part(r, CHAT_PART_TEXT);

    if (!p)
        return;
    p->text = text_at(r, part, "text");
    if (json_is(mark, JSON_OBJECT))
        p->cache_control = mark->raw;
}

static void read_refusal(struct reading *r, const struct json_value *part)
{
    add_text(r, CHAT_PART_REFUSAL, text_at(r, part, "refusal"));
}

static void read_part(struct reading *r, const struct json_value *part)
{
    static const struct {
        const char *type;
        void (*read)(struct reading *r, const struct json_value *part);
    } types[] = {
        {"text", read_text},       {"image_url", read_image}, {"input_audio", read_audio},
        {"refusal", read_refusal}, {"file", read_file},
    };
    struct str type = text_at(r, part, "type");

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (str_is(type, types[i].type)) {
            types[i].read(r, part);
            return;
        }
    r->wrong = "A part of 'content' must have a 'type': text, image_url, input_audio, file or "
               "refusal.";
}

static void read_content(struct reading *r, const struct json_value *content)
{
    struct str text;

    if (!content || content->type == JSON_NULL)
        return;
    if (json_is(content, JSON_STRING)) {
        if (json_string(content, r->arena, &text))
            add_text(r, CHAT_PART_TEXT, text);
        else
            r->wrong = "";
        return;
    }
    if (!json_is(content, JSON_ARRAY)) {
        r->wrong = "'content' must be a string or an array of parts.";
        return;
    }
    for (const struct json_value *p = content->child; p && !r->wrong; p = p->next)
        read_part(r, p);
}

/* What a model thought, as relatives of this API and LiteLLM spell it. */
static void read_thinking(struct reading *r)
{
    const struct json_value *blocks = json_get(r->message, "thinking_blocks");

    if (!json_is(blocks, JSON_ARRAY)) {
        add_text(r, CHAT_PART_THINKING, text_at(r, r->message, "reasoning_content"));
        return;
    }
    for (const struct json_value *b = blocks->child; b && !r->wrong; b = b->next) {
        bool is_redacted = str_is(text_at(r, b, "type"), "redacted_thinking");
        struct chat_part *p =
            add_part(r, is_redacted ? CHAT_PART_REDACTED_THINKING : CHAT_PART_THINKING);
        if (!p)
            return;
        p->text = text_at(r, b, is_redacted ? "data" : "thinking");
        p->signature = text_at(r, b, "signature");
    }
}

static void read_tool_calls(struct reading *r)
{
    const struct json_value *calls = json_get(r->message, "tool_calls");

    if (!calls || calls->type == JSON_NULL)
        return;
    if (!json_is(calls, JSON_ARRAY) || calls->n_children > CHAT_MAX_TOOLS) {
        r->wrong = "'tool_calls' must be an array of at most 128 calls.";
        return;
    }
    for (const struct json_value *c = calls->child; c && !r->wrong; c = c->next) {
        struct chat_part *p = add_part(r, CHAT_PART_TOOL_CALL);
        const struct json_value *root;
        size_t offset;
        if (!p)
            return;
        p->id = text_at(r, c, "id");
        p->name = text_at(r, c, "function.name");
        p->arguments = text_at(r, c, "function.arguments");
        p->signature = text_at(r, c, "extra_content.google.thought_signature");
        if (p->name.len == 0)
            r->wrong = "A tool call must be a function with a 'name'.";
        else if (p->arguments.len > 0 &&
                 (json_parse(r->arena, p->arguments, &root, &offset) != JSON_OK ||
                  !json_is(root, JSON_OBJECT)))
            r->wrong = "The 'arguments' of a tool call must be a JSON object, as text.";
    }
}

static void read_tool_result(struct reading *r)
{
    struct chat_part *p = add_part(r, CHAT_PART_TOOL_RESULT);
    const struct chat_part *content = NULL;

    if (!p)
        return;
    p->id = text_at(r, r->message, "tool_call_id");
    struct reading inner = {r->arena, r->message, &content, NULL, NULL};
    read_content(&inner, json_get(r->message, "content"));
    p->content = content;
    if (!r->wrong)
        r->wrong = inner.wrong;
}

/* Google's proof of the thinking behind a text. */
static void read_text_signature(struct reading *r)
{
    struct str signature = text_at(r, r->message, "extra_content.google.thought_signature");
    struct chat_part *p = r->last;

    if (signature.len == 0)
        return;
    if (!p || p->kind != CHAT_PART_TEXT)
        p = add_part(r, CHAT_PART_TEXT);
    if (p)
        p->signature = signature;
}

static void read_assistant(struct reading *r)
{
    if (json_is(json_get(r->message, "function_call"), JSON_OBJECT)) {
        r->wrong = "'function_call' is the old form: use 'tool_calls'.";
        return;
    }
    read_thinking(r);
    if (!r->wrong)
        read_content(r, json_get(r->message, "content"));
    if (!r->wrong)
        read_text_signature(r);
    if (!r->wrong)
        add_text(r, CHAT_PART_REFUSAL, text_at(r, r->message, "refusal"));
    if (!r->wrong)
        read_tool_calls(r);
}

static bool role_of(struct str text, enum chat_role *ret)
{
    static const struct {
        const char *text;
        enum chat_role role;
    } roles[] = {
        {"system", CHAT_SYSTEM},       {"developer", CHAT_SYSTEM}, {"user", CHAT_USER},
        {"assistant", CHAT_ASSISTANT}, {"tool", CHAT_TOOL},
    };

    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
        if (str_is(text, roles[i].text)) {
            *ret = roles[i].role;
            return true;
        }
    return false;
}

static void read_message(struct reading *r, struct chat_message *m)
{
    m->name = text_at(r, r->message, "name");
    if (r->wrong)
        return;
    switch (m->role) {
    case CHAT_ASSISTANT:
        read_assistant(r);
        return;
    case CHAT_TOOL:
        read_tool_result(r);
        return;
    case CHAT_SYSTEM:
    case CHAT_USER:
        read_content(r, json_get(r->message, "content"));
        return;
    }
}

/* A result knows only its call's id; some dialects want the function's name too. */
static void name_result(const struct chat_message *calls, struct chat_part *result)
{
    for (const struct chat_part *p = calls ? calls->parts : NULL; p; p = p->next)
        if (p->kind == CHAT_PART_TOOL_CALL && str_equal(p->id, result->id))
            result->name = p->name;
}

bool inbound_chat_messages_read(struct arena *a, const struct json_value *messages,
                                const struct chat_message **ret, struct inbound_fault *reterr)
{
    struct chat_message *last = NULL, *calls = NULL; /* calls: the latest of the assistant */
    size_t i = 0;

    *ret = NULL;
    for (const struct json_value *v = messages->child; v; v = v->next, i++) {
        enum chat_role role;
        struct str text;
        if (!json_string(json_get(v, "role"), a, &text) || !role_of(text, &role)) {
            reterr->message = "A message's 'role' must be system, developer, user, assistant or "
                              "tool.";
            reterr->param = arena_printf(a, "messages[%zu].role", i);
            return false;
        }
        struct chat_message *m = chat_add_message(a, ret, &last, role);
        if (!m)
            return false;
        struct reading r = {a, v, &m->parts, NULL, NULL};
        read_message(&r, m);
        if (r.wrong) {
            reterr->message = *r.wrong ? r.wrong : NULL;
            reterr->param = arena_printf(a, "messages[%zu]", i);
            return false;
        }
        if (role == CHAT_ASSISTANT)
            calls = m;
        if (role == CHAT_TOOL)
            name_result(calls, r.last);
    }
    return true;
}
