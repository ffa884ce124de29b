#include "dialect_bedrock.h"

#include "base/json.h"

#include <ctype.h>
#include <string.h>

#define MAX_ID            64
#define MAX_DOCUMENT_NAME 200

struct turns {
    struct json_write *w;
    struct arena *arena;
    const struct chat *chat;
    enum dialect_bedrock_family family;
    bool is_full;
};

/* ---- formats ---- */

struct format {
    const char *media_type, *format;
};

static const struct format images[] = {
    {"image/png", "png"}, {"image/jpeg", "jpeg"}, {"image/jpg", "jpeg"},
    {"image/gif", "gif"}, {"image/webp", "webp"},
};
static const struct format documents[] = {
    {"application/pdf", "pdf"},
    {"text/csv", "csv"},
    {"text/html", "html"},
    {"text/plain", "txt"},
    {"text/markdown", "md"},
    {"application/msword", "doc"},
    {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"},
    {"application/vnd.ms-excel", "xls"},
    {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"},
};
static const struct format sounds[] = {
    {"audio/mp3", "mp3"}, {"audio/mpeg", "mp3"}, {"audio/wav", "wav"},   {"audio/flac", "flac"},
    {"audio/ogg", "ogg"}, {"audio/aac", "aac"},  {"audio/opus", "opus"}, {"audio/webm", "webm"},
};

static const char *find_format(const struct format *table, size_t n, struct str media_type)
{
    for (size_t i = 0; i < n; i++)
        if (str_is_nocase(media_type, table[i].media_type))
            return table[i].format;
    return NULL;
}

#define FORMAT(table, part) find_format(table, sizeof(table) / sizeof(table[0]), (part)->media_type)

/* Only data can be sent: an address on the web means nothing here. */
static enum chat_feature foreign_part(const struct chat_part *p)
{
    switch (p->kind) {
    case CHAT_PART_IMAGE:
        return p->data.len > 0 && FORMAT(images, p) ? CHAT_FEATURE_NONE : CHAT_FEATURE_IMAGE;
    case CHAT_PART_FILE:
        return p->data.len > 0 && FORMAT(documents, p) ? CHAT_FEATURE_NONE : CHAT_FEATURE_FILE;
    case CHAT_PART_AUDIO:
        return p->data.len > 0 && FORMAT(sounds, p) ? CHAT_FEATURE_NONE : CHAT_FEATURE_AUDIO;
    case CHAT_PART_TOOL_RESULT:
        for (const struct chat_part *c = p->content; c; c = c->next)
            if (c->kind == CHAT_PART_AUDIO || foreign_part(c) != CHAT_FEATURE_NONE)
                return CHAT_FEATURE_TOOL_RESULT;
        return CHAT_FEATURE_NONE;
    case CHAT_PART_TEXT:
    case CHAT_PART_REFUSAL:
    case CHAT_PART_THINKING:
    case CHAT_PART_REDACTED_THINKING:
    case CHAT_PART_TOOL_CALL:
        return CHAT_FEATURE_NONE;
    }
    return CHAT_FEATURE_NONE;
}

enum chat_feature dialect_bedrock_turns_cannot(const struct chat *c)
{
    for (const struct chat_message *m = c->messages; m; m = m->next)
        for (const struct chat_part *p = m->parts; p; p = p->next) {
            enum chat_feature found = foreign_part(p);
            if (found != CHAT_FEATURE_NONE)
                return found;
        }
    return CHAT_FEATURE_NONE;
}

/* ---- content ---- */

static bool is_blank(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!memchr(" \t\r\n", text.data[i], 4))
            return false;
    return true;
}

static bool is_sendable(const struct turns *t, const struct chat_part *p)
{
    switch (p->kind) {
    case CHAT_PART_TEXT:
    case CHAT_PART_REFUSAL:
        return !is_blank(p->text);
    case CHAT_PART_THINKING: /* other makers' models take none back */
        return p->signature.len > 0 && t->family == BEDROCK_CLAUDE;
    case CHAT_PART_REDACTED_THINKING:
        return p->text.len > 0 && t->family == BEDROCK_CLAUDE;
    case CHAT_PART_IMAGE:
    case CHAT_PART_FILE:
    case CHAT_PART_AUDIO:
    case CHAT_PART_TOOL_CALL:
    case CHAT_PART_TOOL_RESULT:
        return true;
    }
    return false;
}

/* Each character that is not among the allowed ones becomes `instead`. */
static struct str clean(struct turns *t, struct str text, const char *allowed, char instead)
{
    char *copy = arena_copy(t->arena, text);

    if (!copy) {
        t->is_full = true;
        return text;
    }
    for (size_t i = 0; i < text.len; i++)
        if (!isalnum((unsigned char)copy[i]) && !strchr(allowed, copy[i]))
            copy[i] = instead;
    return (struct str){copy, text.len};
}

/* A call and its result change alike. */
static struct str clean_id(struct turns *t, struct str id)
{
    if (id.len > MAX_ID)
        id = (struct str){id.data + id.len - MAX_ID, MAX_ID};
    return clean(t, id, "-_", '_');
}

static struct str document_name(struct turns *t, struct str name)
{
    if (name.len == 0)
        return STR("document");
    if (name.len > MAX_DOCUMENT_NAME)
        name.len = MAX_DOCUMENT_NAME;
    return clean(t, name, "-()[]", '-');
}

void dialect_bedrock_turns_mark(struct json_write *w, struct arena *a, struct str cache_control,
                                enum dialect_bedrock_family family)
{
    const struct json_value *root;
    struct str ttl;
    size_t offset;

    if (cache_control.len == 0 || (family != BEDROCK_CLAUDE && family != BEDROCK_NOVA))
        return;
    json_write_begin(w, '{');
    json_write_key(w, "cachePoint");
    json_write_begin(w, '{');
    json_write_member(w, "type", "default");
    if (json_parse(a, cache_control, &root, &offset) == JSON_OK &&
        json_string(json_get(root, "ttl"), a, &ttl) && family == BEDROCK_CLAUDE)
        json_write_member_str(w, "ttl", ttl);
    json_write_end(w, '}');
    json_write_end(w, '}');
}

static void write_text(struct turns *t, struct str text)
{
    json_write_begin(t->w, '{');
    json_write_member_str(t->w, "text", text);
    json_write_end(t->w, '}');
}

static void write_media(struct turns *t, const char *kind, const char *format,
                        const struct chat_part *p)
{
    json_write_begin(t->w, '{');
    json_write_key(t->w, kind);
    json_write_begin(t->w, '{');
    json_write_member(t->w, "format", format);
    if (p->kind == CHAT_PART_FILE)
        json_write_member_str(t->w, "name", document_name(t, p->detail));
    json_write_key(t->w, "source");
    json_write_begin(t->w, '{');
    json_write_member_str(t->w, "bytes", p->data);
    json_write_end(t->w, '}');
    json_write_end(t->w, '}');
    json_write_end(t->w, '}');
}

static void write_thinking(struct turns *t, const struct chat_part *p)
{
    json_write_begin(t->w, '{');
    json_write_key(t->w, "reasoningContent");
    json_write_begin(t->w, '{');
    if (p->kind == CHAT_PART_REDACTED_THINKING) {
        json_write_member_str(t->w, "redactedContent", p->text);
    } else {
        json_write_key(t->w, "reasoningText");
        json_write_begin(t->w, '{');
        json_write_member_str(t->w, "text", p->text);
        json_write_member_str(t->w, "signature", p->signature);
        json_write_end(t->w, '}');
    }
    json_write_end(t->w, '}');
    json_write_end(t->w, '}');
}

/* Arguments that are no object stay readable for the model. */
static void write_input(struct turns *t, struct str arguments)
{
    const struct json_value *root;
    size_t offset;

    json_write_key(t->w, "input");
    if (is_blank(arguments)) {
        json_write_raw(t->w, STR("{}"));
    } else if (json_parse(t->arena, arguments, &root, &offset) == JSON_OK &&
               json_is(root, JSON_OBJECT)) {
        json_write_raw(t->w, root->raw);
    } else {
        json_write_begin(t->w, '{');
        json_write_member_str(t->w, "INVALID_JSON", arguments);
        json_write_end(t->w, '}');
    }
}

static void write_tool_use(struct turns *t, const struct chat_part *p)
{
    json_write_begin(t->w, '{');
    json_write_key(t->w, "toolUse");
    json_write_begin(t->w, '{');
    json_write_member_str(t->w, "toolUseId", clean_id(t, p->id));
    json_write_member_str(t->w, "name", p->name);
    write_input(t, p->arguments);
    json_write_end(t->w, '}');
    json_write_end(t->w, '}');
}

static void write_part(struct turns *t, const struct chat_part *p);

static void write_result(struct turns *t, const struct chat_part *p)
{
    json_write_begin(t->w, '{');
    json_write_key(t->w, "toolResult");
    json_write_begin(t->w, '{');
    json_write_member_str(t->w, "toolUseId", clean_id(t, p->id));
    json_write_key(t->w, "content");
    json_write_begin(t->w, '[');
    for (const struct chat_part *c = p->content; c; c = c->next)
        if (is_sendable(t, c))
            write_part(t, c);
    json_write_end(t->w, ']');
    if (p->is_error)
        json_write_member(t->w, "status", "error");
    json_write_end(t->w, '}');
    json_write_end(t->w, '}');
}

static void write_part(struct turns *t, const struct chat_part *p)
{
    switch (p->kind) {
    case CHAT_PART_TEXT:
    case CHAT_PART_REFUSAL:
        write_text(t, p->text);
        return;
    case CHAT_PART_THINKING:
    case CHAT_PART_REDACTED_THINKING:
        write_thinking(t, p);
        return;
    case CHAT_PART_IMAGE:
        write_media(t, "image", FORMAT(images, p), p);
        return;
    case CHAT_PART_FILE:
        write_media(t, "document", FORMAT(documents, p), p);
        return;
    case CHAT_PART_AUDIO:
        write_media(t, "audio", FORMAT(sounds, p), p);
        return;
    case CHAT_PART_TOOL_CALL:
        write_tool_use(t, p);
        return;
    case CHAT_PART_TOOL_RESULT:
        write_result(t, p);
        return;
    }
}

/* ---- turns ---- */

/* The parts of a run of messages of one turn, results of tools or all others. */
static void write_run(struct turns *t, const struct chat_message *from,
                      const struct chat_message *to, bool wants_results, bool *has_begun)
{
    for (const struct chat_message *m = from; m != to; m = m->next) {
        for (const struct chat_part *p = m->parts; p && m->role != CHAT_SYSTEM; p = p->next) {
            if (!is_sendable(t, p) || (p->kind == CHAT_PART_TOOL_RESULT) != wants_results)
                continue;
            if (!*has_begun) {
                json_write_begin(t->w, '{');
                json_write_member(t->w, "role",
                                  from->role == CHAT_ASSISTANT ? "assistant" : "user");
                json_write_key(t->w, "content");
                json_write_begin(t->w, '[');
            }
            *has_begun = true;
            write_part(t, p);
            dialect_bedrock_turns_mark(t->w, t->arena, p->cache_control, t->family);
        }
    }
}

static const struct chat_message *skip_system(const struct chat_message *m)
{
    while (m && m->role == CHAT_SYSTEM)
        m = m->next;
    return m;
}

/* Turns alternate: messages of one side in a row are one, and results of tools stand first in it.
 */
static void write_messages(struct turns *t)
{
    const struct chat_message *m = skip_system(t->chat->messages), *end;

    json_write_key(t->w, "messages");
    json_write_begin(t->w, '[');
    for (; m; m = end) {
        bool has_begun = false, is_assistant = m->role == CHAT_ASSISTANT;
        end = skip_system(m->next);
        while (end && (end->role == CHAT_ASSISTANT) == is_assistant)
            end = skip_system(end->next);
        write_run(t, m, end, true, &has_begun);
        write_run(t, m, end, false, &has_begun);
        if (has_begun) {
            json_write_end(t->w, ']');
            json_write_end(t->w, '}');
        }
    }
    json_write_end(t->w, ']');
}

static void write_system(struct turns *t)
{
    bool has_begun = false;

    for (const struct chat_message *m = t->chat->messages; m; m = m->next) {
        for (const struct chat_part *p = m->parts; p && m->role == CHAT_SYSTEM; p = p->next) {
            if (p->kind != CHAT_PART_TEXT || is_blank(p->text))
                continue;
            if (!has_begun) {
                json_write_key(t->w, "system");
                json_write_begin(t->w, '[');
            }
            has_begun = true;
            write_text(t, p->text);
            dialect_bedrock_turns_mark(t->w, t->arena, p->cache_control, t->family);
        }
    }
    if (has_begun)
        json_write_end(t->w, ']');
}

bool dialect_bedrock_turns_write(struct json_write *w, struct arena *a, const struct chat *c,
                                 enum dialect_bedrock_family family)
{
    struct turns t = {.w = w, .arena = a, .chat = c, .family = family};

    write_system(&t);
    write_messages(&t);
    return !t.is_full;
}
