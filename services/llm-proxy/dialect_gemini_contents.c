#include "base/json.h"
#include "call_names.h"
#include "chat_text.h"
#include "dialect_gemini.h"

#include <string.h>

/* Instead of a signature that another provider's model never made; Google's own word for it. */
#define NO_SIGNATURE "skip_thought_signature_validator"

/* The turn that is being written: the API wants the roles to alternate. */
struct turns {
    struct dialect_gemini_writer *wr;
    struct call_names calls;
    const char *role; /* of the open one; NULL: none is */
};

static void end_turn(struct turns *t)
{
    if (!t->role)
        return;
    json_write_end(&t->wr->w, ']');
    json_write_end(&t->wr->w, '}');
    t->role = NULL;
}

static void begin_part(struct turns *t, const char *role)
{
    struct json_write *w = &t->wr->w;

    if (t->role && strcmp(t->role, role) != 0)
        end_turn(t);
    if (!t->role) {
        json_write_begin(w, '{');
        json_write_member(w, "role", role);
        json_write_key(w, "parts");
        json_write_begin(w, '[');
        t->role = role;
    }
    json_write_begin(w, '{');
}

static void end_part(struct turns *t, struct str signature)
{
    if (signature.len > 0)
        json_write_member_str(&t->wr->w, "thoughtSignature", signature);
    json_write_end(&t->wr->w, '}');
}

static void write_text(struct turns *t, const char *role, const struct chat_part *p)
{
    if (p->text.len == 0 && p->signature.len == 0)
        return;
    begin_part(t, role);
    json_write_member_str(&t->wr->w, "text", p->text);
    end_part(t, p->signature);
}

/* ---- media ---- */

/* What a path ends in, for a URL whose type its caller did not say; the API wants one. */
static struct str type_of(const struct chat_part *p)
{
    static const struct {
        const char *ending;
        struct str type;
    } table[] = {
        {".png", STR_INIT("image/png")},       {".jpg", STR_INIT("image/jpeg")},
        {".jpeg", STR_INIT("image/jpeg")},     {".webp", STR_INIT("image/webp")},
        {".gif", STR_INIT("image/gif")},       {".heic", STR_INIT("image/heic")},
        {".pdf", STR_INIT("application/pdf")}, {".txt", STR_INIT("text/plain")},
        {".mp4", STR_INIT("video/mp4")},
    };
    struct str rest = p->url, path;

    if (p->media_type.len > 0 || !str_cut(&rest, '?', &path))
        return p->media_type;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        size_t len = strlen(table[i].ending);
        if (path.len > len &&
            str_is_nocase((struct str){path.data + path.len - len, len}, table[i].ending))
            return table[i].type;
    }
    return STR_EMPTY;
}

static void write_media_member(struct json_write *w, const struct chat_part *p)
{
    struct str type = type_of(p);

    json_write_key(w, p->data.len > 0 ? "inlineData" : "fileData");
    json_write_begin(w, '{');
    if (type.len > 0)
        json_write_member_str(w, "mimeType", type);
    if (p->data.len > 0)
        json_write_member_str(w, "data", p->data);
    else
        json_write_member_str(w, "fileUri", p->url);
    json_write_end(w, '}');
}

static void write_media(struct turns *t, const char *role, const struct chat_part *p)
{
    begin_part(t, role);
    write_media_member(&t->wr->w, p);
    end_part(t, p->signature);
}

/* ---- tools ---- */

/* What a model wrote as arguments, long ago and elsewhere, may be no JSON. */
static bool is_object(struct dialect_gemini_writer *wr, struct str json)
{
    const struct json_value *root = NULL;
    size_t offset;
    enum json_result r = json_parse(wr->a, json, &root, &offset);

    if (r == JSON_TOO_BIG)
        wr->w.is_full = true;
    return r == JSON_TOO_BIG || (r == JSON_OK && json_is(root, JSON_OBJECT));
}

static void write_call(struct turns *t, const struct chat_part *p, bool needs_signature)
{
    struct json_write *w = &t->wr->w;
    struct str arguments = p->arguments.len > 0 ? p->arguments : STR("{}");
    struct str signature = p->signature;

    if (!is_object(t->wr, arguments)) {
        dialect_gemini_write_refuse(t->wr, CHAT_FEATURE_TOOLS);
        return;
    }
    if (signature.len == 0 && needs_signature && t->wr->generation >= 3)
        signature = STR(NO_SIGNATURE);
    call_names_note(&t->calls, p);
    begin_part(t, "model");
    json_write_key(w, "functionCall");
    json_write_begin(w, '{');
    if (p->id.len > 0)
        json_write_member_str(w, "id", p->id);
    json_write_member_str(w, "name", p->name);
    dialect_gemini_write_raw(w, "args", arguments);
    json_write_end(w, '}');
    end_part(t, signature);
}

static bool is_text(const struct chat_part *p)
{
    return p->kind == CHAT_PART_TEXT || p->kind == CHAT_PART_REFUSAL;
}

/* Media of a result, which only newer models read, and only as data. */
static void write_result_media(struct turns *t, const struct chat_part *content)
{
    struct json_write *w = &t->wr->w;
    bool has_begun = false;

    for (const struct chat_part *p = content; p; p = p->next) {
        if (is_text(p))
            continue;
        if (t->wr->generation < 3 || p->data.len == 0) {
            dialect_gemini_write_refuse(t->wr, CHAT_FEATURE_TOOL_RESULT);
            continue;
        }
        if (!has_begun) {
            json_write_key(w, "parts");
            json_write_begin(w, '[');
            has_begun = true;
        }
        json_write_begin(w, '{');
        write_media_member(w, p);
        json_write_end(w, '}');
    }
    if (has_begun)
        json_write_end(w, ']');
}

static void write_result(struct turns *t, const struct chat_part *p)
{
    struct json_write *w = &t->wr->w;
    struct str name = call_names_find(&t->calls, p), text;

    if (name.len == 0) { /* the API knows a result by its function */
        dialect_gemini_write_refuse(t->wr, CHAT_FEATURE_TOOL_RESULT);
        return;
    }
    if (!chat_text_join(t->wr->a, p->content, CHAT_PART_TEXT, &text))
        w->is_full = true;
    begin_part(t, "user");
    json_write_key(w, "functionResponse");
    json_write_begin(w, '{');
    if (p->id.len > 0)
        json_write_member_str(w, "id", p->id);
    json_write_member_str(w, "name", name);
    json_write_key(w, "response");
    json_write_begin(w, '{');
    json_write_member_str(w, p->is_error ? "error" : "output", text);
    json_write_end(w, '}');
    write_result_media(t, p->content);
    json_write_end(w, '}');
    end_part(t, STR_EMPTY);
}

/* ---- messages ---- */

static void write_message(struct turns *t, const struct chat_message *m)
{
    const char *role = m->role == CHAT_ASSISTANT ? "model" : "user";
    bool has_call = false;

    for (const struct chat_part *p = m->parts; p; p = p->next) {
        switch (p->kind) {
        case CHAT_PART_TEXT:
        case CHAT_PART_REFUSAL:
            write_text(t, role, p);
            break;
        case CHAT_PART_THINKING: /* what the model needs of it is in the signatures */
        case CHAT_PART_REDACTED_THINKING:
            break;
        case CHAT_PART_IMAGE:
        case CHAT_PART_AUDIO:
        case CHAT_PART_FILE:
            write_media(t, role, p);
            break;
        case CHAT_PART_TOOL_CALL:
            write_call(t, p, !has_call);
            has_call = true;
            break;
        case CHAT_PART_TOOL_RESULT:
            write_result(t, p);
            break;
        }
    }
}

/* All of them, wherever they stand: the API has one place. */
static void write_system(struct dialect_gemini_writer *wr)
{
    struct json_write *w = &wr->w;
    bool has_begun = false;

    for (const struct chat_message *m = wr->chat->messages; m; m = m->next) {
        if (m->role != CHAT_SYSTEM)
            continue;
        for (const struct chat_part *p = m->parts; p; p = p->next) {
            if (p->text.len == 0)
                continue;
            if (!has_begun) {
                json_write_key(w, "systemInstruction");
                json_write_begin(w, '{');
                json_write_key(w, "parts");
                json_write_begin(w, '[');
                has_begun = true;
            }
            json_write_begin(w, '{');
            json_write_member_str(w, "text", p->text);
            json_write_end(w, '}');
        }
    }
    if (has_begun) {
        json_write_end(w, ']');
        json_write_end(w, '}');
    }
}

void dialect_gemini_contents(struct dialect_gemini_writer *wr)
{
    struct turns t = {.wr = wr};

    write_system(wr);
    call_names_init(&t.calls);
    json_write_key(&wr->w, "contents");
    json_write_begin(&wr->w, '[');
    for (const struct chat_message *m = wr->chat->messages; m; m = m->next)
        if (m->role != CHAT_SYSTEM)
            write_message(&t, m);
    end_turn(&t);
    json_write_end(&wr->w, ']');
    call_names_done(&t.calls);
}
