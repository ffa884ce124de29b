#include "base/json_edit.h"
#include "base/json_write.h"
#include "dialect.h"
#include "tokens/estimate.h"

#define MAX_CHOICES 64

static int64_t count_at(const struct json_value *usage, const char *path)
{
    int64_t n = 0;

    return json_int(json_at(usage, path), &n) && n > 0 ? n : 0;
}

/* An explicit zero is zero; only a missing or null object is no usage. */
static bool read_usage(const struct json_value *root, struct dialect_usage *ret)
{
    const struct json_value *usage = json_get(root, "usage");

    if (!json_is(usage, JSON_OBJECT) || !json_get(usage, "prompt_tokens"))
        return false;
    *ret = (struct dialect_usage){
        .input = count_at(usage, "prompt_tokens"),
        .output = count_at(usage, "completion_tokens"),
        .cached = count_at(usage, "prompt_tokens_details.cached_tokens"),
        .reasoning = count_at(usage, "completion_tokens_details.reasoning_tokens"),
    };
    return true;
}

static uint64_t choice_bit(const struct json_value *choice)
{
    int64_t index = 0;

    if (!json_int(json_get(choice, "index"), &index) || index < 0 || index >= MAX_CHOICES)
        index = 0;
    return UINT64_C(1) << index;
}

static bool is_set(const struct json_value *v)
{
    return v && v->type != JSON_NULL;
}

static uint64_t text_tokens(const struct json_value *v)
{
    /* The raw spelling without its quotes: escapes are rare and the count is an estimate. */
    if (!json_is(v, JSON_STRING) || v->raw.len <= 2)
        return 0;
    return estimate_text((struct str){v->raw.data + 1, v->raw.len - 2});
}

/* Tokens of what a message or delta holds; its role is no content. */
static uint64_t content_tokens(const struct json_value *message, bool *ret_has_content)
{
    uint64_t tokens = 0;

    if (!json_is(message, JSON_OBJECT))
        return 0;
    for (const struct json_value *v = message->child; v; v = v->next) {
        if (str_is(v->key, "role") || v->type == JSON_NULL)
            continue;
        if (v->type == JSON_STRING && v->raw.len <= 2)
            continue;
        if (v->type == JSON_ARRAY && v->n_children == 0)
            continue;
        *ret_has_content = true;
        tokens += v->type == JSON_STRING ? text_tokens(v) : estimate_text(v->raw);
    }
    return tokens;
}

static struct dialect_event read_event(struct arena *a, struct str data)
{
    struct dialect_event e = {.is_valid = true};
    const struct json_value *root;
    size_t offset;

    if (str_is(data, "[DONE]")) {
        e.is_done = true;
        return e;
    }
    if (json_parse(a, data, &root, &offset) != JSON_OK || !json_is(root, JSON_OBJECT))
        return (struct dialect_event){.is_valid = false};

    e.is_error = is_set(json_get(root, "error"));
    e.has_usage = read_usage(root, &e.usage);
    const struct json_value *choices = json_get(root, "choices");
    if (!json_is(choices, JSON_ARRAY)) {
        e.is_valid = e.is_error || e.has_usage;
        return e;
    }
    e.is_usage_only = choices->n_children == 0 && e.has_usage;
    for (const struct json_value *c = choices->child; c; c = c->next) {
        uint64_t bit = choice_bit(c);
        const struct json_value *delta = json_get(c, "delta");
        e.choices |= bit;
        if (is_set(json_get(c, "finish_reason")))
            e.finished_choices |= bit;
        e.content_tokens += content_tokens(delta ? delta : json_get(c, "message"), &e.has_content);
    }
    return e;
}

static struct dialect_answer read_answer(struct arena *a, struct str body)
{
    struct dialect_answer answer = {.is_valid = false};
    const struct json_value *root;
    size_t offset;

    if (json_parse(a, body, &root, &offset) != JSON_OK || !json_is(root, JSON_OBJECT))
        return answer;
    const struct json_value *choices = json_get(root, "choices");
    if (!json_is(choices, JSON_ARRAY) || choices->n_children == 0)
        return answer;

    answer.is_valid = answer.is_finished = true;
    answer.has_usage = read_usage(root, &answer.usage);
    for (const struct json_value *c = choices->child; c; c = c->next) {
        bool has_content;
        answer.content_tokens += content_tokens(json_get(c, "message"), &has_content);
        if (!is_set(json_get(c, "finish_reason")))
            answer.is_finished = false;
    }
    return answer;
}

static struct str quoted(struct arena *a, const char *text)
{
    struct buf b;
    struct json_write w;

    buf_init(&b, 4096);
    json_write_init(&w, &b);
    json_write_text(&w, text);
    struct str s = STR_EMPTY;
    if (json_write_finish(&w) == BUF_OK)
        s = str_from(arena_copy(a, buf_str(&b)));
    buf_done(&b);
    return s;
}

/* Usage on every stream: it is what the books are made of. */
static void ask_for_usage(struct json_edit *edit, const struct json_value *root)
{
    const struct json_value *options = json_get(root, "stream_options");

    if (json_is(options, JSON_OBJECT))
        json_edit_set(edit, options, "include_usage", STR("true"), STR("\"include_usage\":true"));
    else
        json_edit_set(edit, root, "stream_options", STR("{\"include_usage\":true}"),
                      STR("\"stream_options\":{\"include_usage\":true}"));
}

static bool write_request(struct arena *a, const struct dialect_request *r,
                          struct str ret_pieces[DIALECT_MAX_PIECES], size_t *ret_n)
{
    struct json_edit edit;

    json_edit_init(&edit, r->chat->body);
    if (!str_is(r->chat->model, r->model)) {
        struct str model = quoted(a, r->model);
        if (model.len == 0)
            return false;
        json_edit_replace(&edit, r->chat->model_value, model);
    }
    if (r->chat->is_stream && !r->chat->wants_usage)
        ask_for_usage(&edit, r->chat->root);
    if (r->messages.len > 0)
        json_edit_replace(&edit, r->chat->messages, r->messages);

    if (2 * edit.n + 1 <= DIALECT_MAX_PIECES) {
        *ret_n = json_edit_pieces(&edit, ret_pieces);
        return true;
    }
    struct buf whole;
    buf_init(&whole, json_edit_length(&edit));
    bool is_written = json_edit_apply(&edit, &whole) == BUF_OK;
    const char *copy = is_written ? arena_copy(a, buf_str(&whole)) : NULL;
    ret_pieces[0] = (struct str){copy, whole.len};
    *ret_n = 1;
    buf_done(&whole);
    return copy != NULL;
}

const struct dialect dialect_openai = {
    .chat_path = "/chat/completions",
    .auth_header = "authorization",
    .auth_prefix = "Bearer ",
    .write_request = write_request,
    .read_answer = read_answer,
    .read_event = read_event,
};
