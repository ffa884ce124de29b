#include "inbound_messages.h"

#include "base/json.h"

/* The messages of a chat while they are put together. */
struct turns {
    struct arena *arena;
    const struct chat_message **first;
    struct chat_message *last;
};

/* One message while it is read. */
struct reading {
    struct arena *arena;
    const struct chat_part **first;
    struct chat_part *last;
    struct turns *results; /* where results of tools go; NULL: they do not belong here */
    struct str call_proof; /* of the tool call that comes next */
    const char *wrong;     /* a sentence; "" when the arena is full */
};

static bool add_message(struct turns *t, enum chat_role role, const struct chat_part *parts)
{
    struct chat_message *m = chat_add_message(t->arena, t->first, &t->last, role);

    if (m)
        m->parts = parts;
    return m != NULL;
}

const struct json_value *inbound_messages_turns_find_foreign(const struct json_value *object,
                                                             const char *const *known)
{
    if (!json_is(object, JSON_OBJECT))
        return NULL;
    for (const struct json_value *v = object->child; v; v = v->next) {
        bool is_known = v->type == JSON_NULL;
        for (size_t i = 0; known[i] && !is_known; i++)
            is_known = str_is(v->key, known[i]);
        if (!is_known)
            return v;
    }
    return NULL;
}

static struct chat_part *add_part(struct reading *r, enum chat_part_kind kind,
                                  const struct json_value *block)
{
    struct chat_part *p = chat_add_part(r->arena, r->first, &r->last, kind);
    const struct json_value *mark = json_get(block, "cache_control");

    if (!p)
        r->wrong = "";
    else if (json_is(mark, JSON_OBJECT))
        p->cache_control = mark->raw;
    return p;
}

static struct str text_at(struct reading *r, const struct json_value *from, const char *path)
{
    const struct json_value *v = json_at(from, path);
    struct str text = STR_EMPTY;

    if (!v || v->type == JSON_NULL || json_string(v, r->arena, &text))
        return text;
    const char *wrong = arena_printf(r->arena, "'%s' must be a string.", path);
    r->wrong = wrong ? wrong : "";
    return STR_EMPTY;
}

/* ---- blocks ---- */

static void read_text(struct reading *r, const struct json_value *block)
{
    struct str text = text_at(r, block, "text");
    struct chat_part *p = text.len > 0 ? add_part(r, CHAT_PART_TEXT, block) : NULL;

    if (p)
        p->text = text;
}

static void read_source(struct reading *r, const struct json_value *block, struct chat_part *p)
{
    struct str type = text_at(r, block, "source.type");

    if (str_is(type, "url")) {
        p->url = text_at(r, block, "source.url");
    } else if (str_is(type, "base64")) {
        p->media_type = text_at(r, block, "source.media_type");
        p->data = text_at(r, block, "source.data");
    }
    if (!r->wrong && p->url.len == 0 && (p->data.len == 0 || p->media_type.len == 0))
        r->wrong = "Its 'source' must be base64 with 'media_type' and 'data', or url with 'url'. A "
                   "file of one provider means nothing to another.";
}

static void read_image(struct reading *r, const struct json_value *block)
{
    struct chat_part *p = add_part(r, CHAT_PART_IMAGE, block);

    if (p)
        read_source(r, block, p);
}

/* A plain text is one everywhere, under its title. */
static void read_text_document(struct reading *r, const struct json_value *block)
{
    struct chat_part *p = add_part(r, CHAT_PART_TEXT, block);

    if (!p)
        return;
    struct str title = text_at(r, block, "title");
    p->text = text_at(r, block, "source.data");
    if (title.len == 0 || r->wrong)
        return;
    const char *text = arena_printf(r->arena, "%.*s\n\n%.*s", STR_ARG(title), STR_ARG(p->text));
    p->text = str_from(text);
    if (!text)
        r->wrong = "";
}

static void read_document(struct reading *r, const struct json_value *block)
{
    bool has_citations = false;

    if (json_bool(json_at(block, "citations.enabled"), &has_citations) && has_citations) {
        r->wrong = "This model's provider knows no 'citations'.";
        return;
    }
    if (str_is(text_at(r, block, "source.type"), "text")) {
        read_text_document(r, block);
        return;
    }
    struct chat_part *p = r->wrong ? NULL : add_part(r, CHAT_PART_FILE, block);
    if (!p)
        return;
    p->detail = text_at(r, block, "title");
    read_source(r, block, p);
}

static void read_thinking(struct reading *r, const struct json_value *block)
{
    struct chat_part *p = add_part(r, CHAT_PART_THINKING, block);

    if (!p)
        return;
    p->text = text_at(r, block, "thinking");
    p->signature = text_at(r, block, "signature");
}

static void read_redacted(struct reading *r, const struct json_value *block)
{
    static const char mark[] = DIALECT_ANTHROPIC_CALL_PROOF;
    struct str data = text_at(r, block, "data");

    if (str_has_prefix(data, mark)) {
        r->call_proof = (struct str){data.data + sizeof(mark) - 1, data.len - (sizeof(mark) - 1)};
        return;
    }
    struct chat_part *p = add_part(r, CHAT_PART_REDACTED_THINKING, block);
    if (p)
        p->text = data;
}

static void read_tool_use(struct reading *r, const struct json_value *block)
{
    const struct json_value *input = json_get(block, "input");
    struct chat_part *p = add_part(r, CHAT_PART_TOOL_CALL, block);

    if (!p)
        return;
    p->id = text_at(r, block, "id");
    p->name = text_at(r, block, "name");
    p->signature = r->call_proof;
    r->call_proof = STR_EMPTY;
    if (json_is(input, JSON_OBJECT))
        p->arguments = input->raw;
    if (!r->wrong && (p->id.len == 0 || p->name.len == 0 || p->arguments.len == 0))
        r->wrong = "A tool_use needs 'id', 'name' and an object 'input'.";
}

static void read_blocks(struct reading *r, const struct json_value *content);

static void read_result_content(struct reading *r, const struct json_value *block,
                                struct chat_part *result)
{
    const struct chat_part *content = NULL;
    struct reading inner = {.arena = r->arena, .first = &content, .call_proof = STR_EMPTY};

    read_blocks(&inner, chat_request_field(block, "content"));
    for (const struct chat_part *c = content; c && !inner.wrong; c = c->next)
        if (c->kind != CHAT_PART_TEXT && c->kind != CHAT_PART_IMAGE && c->kind != CHAT_PART_FILE)
            inner.wrong = "The result of a tool holds text, images or documents.";
    result->content = content;
    r->wrong = inner.wrong;
}

/* A message of its own, ahead of what else the user says. */
static void read_tool_result(struct reading *r, const struct json_value *block)
{
    const struct chat_part *only = NULL;
    struct reading message = {.arena = r->arena, .first = &only};
    struct chat_part *p = add_part(&message, CHAT_PART_TOOL_RESULT, block);

    if (!r->results)
        r->wrong = "A tool_result belongs into a message of the user.";
    else if (!p || !add_message(r->results, CHAT_TOOL, only))
        r->wrong = "";
    if (r->wrong)
        return;
    read_result_content(r, block, p);
    if (r->wrong)
        return;
    p->id = text_at(r, block, "tool_use_id");
    if (!json_bool(json_get(block, "is_error"), &p->is_error))
        p->is_error = false;
    if (!r->wrong && p->id.len == 0)
        r->wrong = "A tool_result needs a 'tool_use_id'.";
}

#define MAX_KNOWN 8

/* Every block that can be carried over, with all it may say; any other is refused by name. What
 * texts quote and who called a tool is the provider's own record: no other asks for it back. */
static const struct {
    const char *type;
    void (*read)(struct reading *r, const struct json_value *block);
    const char *known[MAX_KNOWN];
} kinds[] = {
    {"text", read_text, {"type", "text", "cache_control", "citations"}},
    {"image", read_image, {"type", "source", "cache_control"}},
    {"document", read_document, {"type", "source", "cache_control", "title", "citations"}},
    {"thinking", read_thinking, {"type", "thinking", "signature"}},
    {"redacted_thinking", read_redacted, {"type", "data"}},
    {"tool_use", read_tool_use, {"type", "id", "name", "input", "cache_control", "caller"}},
    {"tool_result",
     read_tool_result,
     {"type", "tool_use_id", "content", "is_error", "cache_control"}},
};

static void refuse(struct reading *r, const char *what, struct str name)
{
    const char *wrong = arena_printf(r->arena, "This model's provider knows no %s '%.*s'.", what,
                                     (int)(name.len < 64 ? name.len : 64), name.data);

    r->wrong = wrong ? wrong : "";
}

static void read_block(struct reading *r, const struct json_value *block)
{
    struct str type = text_at(r, block, "type");

    if (r->wrong)
        return;
    if (type.len == 0) {
        r->wrong = "A block of 'content' must be an object with a 'type'.";
        return;
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (!str_is(type, kinds[i].type))
            continue;
        const struct json_value *other = inbound_messages_turns_find_foreign(block, kinds[i].known);
        if (other)
            refuse(r, "field", other->key);
        else
            kinds[i].read(r, block);
        return;
    }
    refuse(r, "block of type", type);
}

/* A string is one text. */
static void read_blocks(struct reading *r, const struct json_value *content)
{
    struct str text;

    if (!content || r->wrong)
        return;
    if (json_string(content, r->arena, &text)) {
        struct chat_part *p = text.len > 0 ? add_part(r, CHAT_PART_TEXT, NULL) : NULL;
        if (p)
            p->text = text;
        return;
    }
    if (!json_is(content, JSON_ARRAY))
        r->wrong = "'content' must be a string or an array of blocks.";
    for (const struct json_value *b = content->child; b && !r->wrong; b = b->next)
        read_block(r, b);
}

/* ---- messages ---- */

static bool add_turn(struct turns *t, struct str role, const struct chat_part *parts)
{
    if (str_is(role, "user"))
        return !parts || add_message(t, CHAT_USER, parts);
    return add_message(t, str_is(role, "assistant") ? CHAT_ASSISTANT : CHAT_SYSTEM, parts);
}

static bool is_role(struct str role)
{
    return str_is(role, "user") || str_is(role, "assistant") || str_is(role, "system");
}

static const char *read_message(struct turns *t, const struct json_value *message)
{
    static const char *const known[] = {"role", "content", NULL};
    const struct json_value *other = inbound_messages_turns_find_foreign(message, known);
    const struct chat_part *parts = NULL;
    struct reading r = {.arena = t->arena, .first = &parts, .call_proof = STR_EMPTY};
    struct str role = text_at(&r, message, "role");

    r.results = str_is(role, "user") ? t : NULL;
    if (!r.wrong && !is_role(role))
        r.wrong = "'role' must be user, assistant or system.";
    if (!r.wrong && other)
        refuse(&r, "field", other->key);
    read_blocks(&r, json_get(message, "content"));
    if (!r.wrong && !add_turn(t, role, parts))
        r.wrong = "";
    return r.wrong;
}

static const char *read_system(struct turns *t, const struct json_value *system)
{
    const struct chat_part *parts = NULL;
    struct reading r = {.arena = t->arena, .first = &parts, .call_proof = STR_EMPTY};

    read_blocks(&r, system);
    for (const struct chat_part *p = parts; p && !r.wrong; p = p->next)
        if (p->kind != CHAT_PART_TEXT)
            r.wrong = "A system prompt is text.";
    if (!r.wrong && parts && !add_message(t, CHAT_SYSTEM, parts))
        r.wrong = "";
    return r.wrong;
}

static bool blame(struct arena *a, const char *field, const char *wrong,
                  struct inbound_fault *reterr)
{
    reterr->param = field;
    if (field && wrong[0] != '\0')
        reterr->message = arena_printf(a, "'%s': %s", field, wrong);
    return false;
}

bool inbound_messages_turns_read(struct arena *a, const struct json_value *root, struct chat *ret,
                                 struct inbound_fault *reterr)
{
    struct turns t = {.arena = a, .first = &ret->messages};
    const struct json_value *messages = json_get(root, "messages");
    unsigned at = 0;

    *reterr = (struct inbound_fault){NULL, NULL};
    const char *wrong = read_system(&t, chat_request_field(root, "system"));
    if (wrong)
        return blame(a, "system", wrong, reterr);
    if (!json_is(messages, JSON_ARRAY))
        return blame(a, "messages", "It must be an array.", reterr);
    for (const struct json_value *m = messages->child; m; m = m->next, at++) {
        wrong = read_message(&t, m);
        if (wrong)
            return blame(a, arena_printf(a, "messages.%u", at), wrong, reterr);
    }
    return true;
}
