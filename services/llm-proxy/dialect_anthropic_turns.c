#include "dialect_anthropic.h"

#include "base/json.h"

#include <ctype.h>
#include <string.h>

struct turns {
    struct json_write *w;
    struct arena *arena;
    const struct chat *chat;
    const struct chat_part *prefill; /* the text that the answer goes on from; NULL: none */
    bool is_full;
};

static void begin_typed(struct json_write *w, const char *type)
{
    json_write_begin(w, '{');
    json_write_member(w, "type", type);
}

static bool is_pdf(const struct chat_part *p)
{
    return str_is(p->media_type, "application/pdf") || (p->media_type.len == 0 && p->url.len > 0);
}

static enum chat_feature foreign_of(const struct chat_part *parts)
{
    for (const struct chat_part *p = parts; p; p = p->next) {
        if (p->kind == CHAT_PART_AUDIO)
            return CHAT_FEATURE_AUDIO;
        if (p->kind == CHAT_PART_FILE && !is_pdf(p))
            return CHAT_FEATURE_FILE;
        if (p->kind == CHAT_PART_IMAGE && p->data.len == 0 && p->url.len == 0)
            return CHAT_FEATURE_IMAGE;
        for (const struct chat_part *c = p->content; c; c = c->next)
            if (c->kind == CHAT_PART_AUDIO || (c->kind == CHAT_PART_FILE && !is_pdf(c)))
                return CHAT_FEATURE_TOOL_RESULT;
    }
    return CHAT_FEATURE_NONE;
}

enum chat_feature dialect_anthropic_turns_cannot(const struct chat *c)
{
    enum chat_feature found = CHAT_FEATURE_NONE;

    for (const struct chat_message *m = c->messages; m && !found; m = m->next)
        found = foreign_of(m->parts);
    return found;
}

/* ---- content ---- */

static bool is_blank(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!memchr(" \t\r\n", text.data[i], 4))
            return false;
    return true;
}

/* The API refuses a blank text, a proof of thinking that is none, and a last turn of the assistant
 * that ends in a space. */
static bool is_sendable(const struct chat_part *p)
{
    switch (p->kind) {
    case CHAT_PART_TEXT:
    case CHAT_PART_REFUSAL:
        return !is_blank(p->text);
    case CHAT_PART_THINKING:
        return p->signature.len > 0;
    case CHAT_PART_REDACTED_THINKING:
        return p->text.len > 0;
    case CHAT_PART_IMAGE:
    case CHAT_PART_FILE:
    case CHAT_PART_TOOL_CALL:
    case CHAT_PART_TOOL_RESULT:
        return true;
    case CHAT_PART_AUDIO:
        return false;
    }
    return false;
}

/* Ids of other APIs may hold what this one refuses; a call and its result change alike. */
static struct str clean_id(struct turns *q, struct str id)
{
    bool is_clean = true;
    char *copy;

    for (size_t i = 0; i < id.len; i++)
        is_clean = is_clean && (isalnum((unsigned char)id.data[i]) || strchr("_-", id.data[i]));
    if (is_clean)
        return id;
    copy = arena_copy(q->arena, id);
    if (!copy) {
        q->is_full = true;
        return id;
    }
    for (size_t i = 0; i < id.len; i++)
        if (!isalnum((unsigned char)copy[i]) && copy[i] != '-')
            copy[i] = '_';
    return (struct str){copy, id.len};
}

static struct str without_tail(struct str text)
{
    while (text.len > 0 && memchr(" \t\r\n", text.data[text.len - 1], 4))
        text.len--;
    return text;
}

static void write_text(struct turns *q, const struct chat_part *p)
{
    begin_typed(q->w, "text");
    json_write_member_str(q->w, "text", p == q->prefill ? without_tail(p->text) : p->text);
    json_write_optional_raw(q->w, "cache_control", p->cache_control);
    json_write_end(q->w, '}');
}

static void write_media(struct turns *q, const struct chat_part *p)
{
    struct json_write *w = q->w;

    begin_typed(w, p->kind == CHAT_PART_IMAGE ? "image" : "document");
    json_write_key(w, "source");
    if (p->data.len > 0) {
        begin_typed(w, "base64");
        json_write_member_str(w, "media_type", p->media_type);
        json_write_member_str(w, "data", p->data);
    } else {
        begin_typed(w, "url");
        json_write_member_str(w, "url", p->url);
    }
    json_write_end(w, '}');
    if (p->kind == CHAT_PART_FILE)
        json_write_optional_str(w, "title", p->detail);
    json_write_optional_raw(w, "cache_control", p->cache_control);
    json_write_end(w, '}');
}

/* Arguments that are no object stay readable for the model, as Anthropic advises. */
static void write_input(struct turns *q, struct str arguments)
{
    const struct json_value *root;
    size_t offset;

    json_write_key(q->w, "input");
    if (is_blank(arguments) || str_is(arguments, "null")) {
        json_write_raw(q->w, STR("{}"));
    } else if (json_parse(q->arena, arguments, &root, &offset) == JSON_OK &&
               json_is(root, JSON_OBJECT)) {
        json_write_raw(q->w, root->raw);
    } else {
        json_write_begin(q->w, '{');
        json_write_member_str(q->w, "INVALID_JSON", arguments);
        json_write_end(q->w, '}');
    }
}

static void write_tool_use(struct turns *q, const struct chat_part *p)
{
    begin_typed(q->w, "tool_use");
    json_write_member_str(q->w, "id", clean_id(q, p->id));
    json_write_member_str(q->w, "name", p->name);
    write_input(q, p->arguments);
    json_write_optional_raw(q->w, "cache_control", p->cache_control);
    json_write_end(q->w, '}');
}

static void write_thinking(struct turns *q, const struct chat_part *p)
{
    begin_typed(q->w, "thinking");
    json_write_member_str(q->w, "thinking", p->text);
    json_write_member_str(q->w, "signature", p->signature);
    json_write_end(q->w, '}');
}

static void write_result(struct turns *q, const struct chat_part *p)
{
    struct json_write *w = q->w;
    bool has_content = false;

    begin_typed(w, "tool_result");
    json_write_member_str(w, "tool_use_id", clean_id(q, p->id));
    for (const struct chat_part *c = p->content; c; c = c->next) {
        if (!is_sendable(c))
            continue;
        if (!has_content) {
            json_write_key(w, "content");
            json_write_begin(w, '[');
        }
        has_content = true;
        if (c->kind == CHAT_PART_IMAGE || c->kind == CHAT_PART_FILE)
            write_media(q, c);
        else
            write_text(q, c);
    }
    if (has_content)
        json_write_end(w, ']');
    if (p->is_error)
        json_write_member_bool(w, "is_error", true);
    json_write_optional_raw(w, "cache_control", p->cache_control);
    json_write_end(w, '}');
}

static void write_part(struct turns *q, const struct chat_part *p)
{
    switch (p->kind) {
    case CHAT_PART_TEXT:
    case CHAT_PART_REFUSAL:
        write_text(q, p);
        return;
    case CHAT_PART_THINKING:
        write_thinking(q, p);
        return;
    case CHAT_PART_REDACTED_THINKING:
        begin_typed(q->w, "redacted_thinking");
        json_write_member_str(q->w, "data", p->text);
        json_write_end(q->w, '}');
        return;
    case CHAT_PART_IMAGE:
    case CHAT_PART_FILE:
        write_media(q, p);
        return;
    case CHAT_PART_TOOL_CALL:
        write_tool_use(q, p);
        return;
    case CHAT_PART_TOOL_RESULT:
        write_result(q, p);
        return;
    case CHAT_PART_AUDIO:
        return;
    }
}

/* ---- turns ---- */

static const char *turn_of(enum chat_role role)
{
    return role == CHAT_ASSISTANT ? "assistant" : "user";
}

/* The parts of a run of messages of one turn, results of tools or all others. */
static void write_run(struct turns *q, const struct chat_message *from,
                      const struct chat_message *to, bool wants_results, bool *has_begun)
{
    for (const struct chat_message *m = from; m != to; m = m->next) {
        for (const struct chat_part *p = m->parts; p && m->role != CHAT_SYSTEM; p = p->next) {
            if (!is_sendable(p) || (p->kind == CHAT_PART_TOOL_RESULT) != wants_results)
                continue;
            if (!*has_begun) {
                json_write_begin(q->w, '{');
                json_write_member(q->w, "role", turn_of(from->role));
                json_write_key(q->w, "content");
                json_write_begin(q->w, '[');
            }
            *has_begun = true;
            write_part(q, p);
        }
    }
}

static const struct chat_message *skip_system(const struct chat_message *m)
{
    while (m && m->role == CHAT_SYSTEM)
        m = m->next;
    return m;
}

/* Messages of one side in a row are one turn, and results of tools stand first in it. */
static void write_messages(struct turns *q)
{
    const struct chat_message *m = skip_system(q->chat->messages), *end;

    json_write_key(q->w, "messages");
    json_write_begin(q->w, '[');
    for (; m; m = end) {
        bool has_begun = false, is_assistant = m->role == CHAT_ASSISTANT;
        end = skip_system(m->next);
        while (end && (end->role == CHAT_ASSISTANT) == is_assistant)
            end = skip_system(end->next);
        write_run(q, m, end, true, &has_begun);
        write_run(q, m, end, false, &has_begun);
        if (has_begun) {
            json_write_end(q->w, ']');
            json_write_end(q->w, '}');
        }
    }
    json_write_end(q->w, ']');
}

/* Wherever it stands among the messages, it goes to the front. */
static void write_system(struct turns *q)
{
    bool has_begun = false;

    for (const struct chat_message *m = q->chat->messages; m; m = m->next) {
        for (const struct chat_part *p = m->parts; p && m->role == CHAT_SYSTEM; p = p->next) {
            if (p->kind != CHAT_PART_TEXT || !is_sendable(p))
                continue;
            if (!has_begun) {
                json_write_key(q->w, "system");
                json_write_begin(q->w, '[');
            }
            has_begun = true;
            write_text(q, p);
        }
    }
    if (has_begun)
        json_write_end(q->w, ']');
}

/* The text that ends the conversation, when it is the assistant's. */
static const struct chat_part *find_prefill(const struct chat *c)
{
    const struct chat_message *last = NULL;
    const struct chat_part *part = NULL;

    for (const struct chat_message *m = c->messages; m; m = m->next)
        if (m->role != CHAT_SYSTEM)
            last = m;
    if (!last || last->role != CHAT_ASSISTANT)
        return NULL;
    for (const struct chat_part *p = last->parts; p; p = p->next)
        if (is_sendable(p))
            part = p;
    return part && part->kind == CHAT_PART_TEXT ? part : NULL;
}

bool dialect_anthropic_turns_write(struct json_write *w, struct arena *a, const struct chat *c)
{
    struct turns q = {.w = w, .arena = a, .chat = c, .prefill = find_prefill(c)};

    write_system(&q);
    write_messages(&q);
    return !q.is_full;
}
