#include "recall_text.h"

#include "base/json_edit.h"
#include "base/json_write.h"

#define NAME     RECALL_TEXT_NAME
#define MAX_ROOM 4096 /* of what is put around texts */

#define DESCRIPTION                                                                                \
    "Gives back text that was left out of this conversation to save room. Where something is "     \
    "missing a marker says so and names a key, as in key=0123456789abcdef. Call it with that key " \
    "when what was left out matters for the answer."
#define SCHEMA                                                                                     \
    "{\"type\":\"object\",\"properties\":{\"key\":{\"type\":\"string\",\"description\":\"as the "  \
    "marker names it\"}},\"required\":[\"key\"]}"

/* How an API spells it. */
static const struct words {
    const char *messages;
    const char *tool;
    const char *said; /* in an answer: the list that has the calls */
    const char *call; /* the type of a call in it; NULL: there is nothing else */
    const char *name; /* of a tool, and in a call … */
    const char *id;   /* … its id */
    const char *arguments;
    const char *finish, *is_called, *is_over, *is_cut_short;
    const char *result, *result_type, *result_id, *result_text; /* an object, its type's key … */
} words[] = {
    [RECALL_TEXT_CHAT] =
        {
            .messages = "messages",
            .tool = "{\"type\":\"function\",\"function\":{\"name\":\"" NAME
                    "\",\"description\":\"" DESCRIPTION "\",\"parameters\":" SCHEMA "}}",
            .said = "choices.0.message.tool_calls",
            .name = "function.name",
            .id = "id",
            .arguments = "function.arguments",
            .finish = "choices.0.finish_reason",
            .is_called = "\"tool_calls\"",
            .is_over = "\"stop\"",
            .is_cut_short = "\"length\"",
            .result = "tool",
            .result_type = "role",
            .result_id = "tool_call_id",
            .result_text = "content",
        },
    [RECALL_TEXT_MESSAGES] =
        {
            .messages = "messages",
            .tool = "{\"name\":\"" NAME "\",\"description\":\"" DESCRIPTION
                    "\",\"input_schema\":" SCHEMA "}",
            .said = "content",
            .call = "\"tool_use\"",
            .name = "name",
            .id = "id",
            .arguments = "input",
            .finish = "stop_reason",
            .is_called = "\"tool_use\"",
            .is_over = "\"end_turn\"",
            .is_cut_short = "\"max_tokens\"",
            .result = "tool_result",
            .result_type = "type",
            .result_id = "tool_use_id",
            .result_text = "content",
        },
    [RECALL_TEXT_RESPONSES] =
        {
            .messages = "input",
            .tool = "{\"type\":\"function\",\"name\":\"" NAME "\",\"description\":\"" DESCRIPTION
                    "\",\"parameters\":" SCHEMA ",\"strict\":false}",
            .said = "output",
            .call = "\"function_call\"",
            .name = "name",
            .id = "call_id",
            .arguments = "arguments",
            .finish = "status",
            .is_called = "", /* it says nothing of them */
            .is_cut_short = "\"incomplete\"",
            .result = "function_call_output",
            .result_type = "type",
            .result_id = "call_id",
            .result_text = "output",
        },
};

static bool says(const struct json_value *v, const char *spelled)
{
    return v && str_is(v->raw, spelled);
}

static bool is_ours(const struct words *spelled, const struct json_value *tool)
{
    return says(json_at(tool, spelled->name), "\"" NAME "\"");
}

/* ---- the offer ---- */

static bool is_free_to_choose(const struct json_value *request)
{
    const struct json_value *choice = json_get(request, "tool_choice");

    return !choice || json_is(choice, JSON_NULL) || says(choice, "\"auto\"") ||
           says(json_get(choice, "type"), "\"auto\"");
}

static bool has_name_taken(const struct words *spelled, const struct json_value *tools)
{
    for (const struct json_value *t = tools ? tools->child : NULL; t; t = t->next)
        if (is_ours(spelled, t))
            return true;
    return false;
}

static bool wants_one_answer(const struct json_value *request)
{
    const struct json_value *n = json_get(request, "n");

    return !n || json_is(n, JSON_NULL) || says(n, "1");
}

static struct str finish_edit(struct arena *a, const struct json_edit *edit)
{
    struct buf text;

    buf_init(&text, json_edit_length(edit));
    char *copy = json_edit_apply(edit, &text) == BUF_OK ? arena_copy(a, buf_str(&text)) : NULL;
    struct str all = {copy, copy ? text.len : 0};
    buf_done(&text);
    return all;
}

struct str recall_text_offer(struct arena *a, enum recall_text_api api,
                             const struct json_value *request, struct str messages)
{
    const struct words *spelled = &words[api];
    const struct json_value *tools = json_get(request, "tools");
    struct json_edit edit;
    char *list;

    if (!is_free_to_choose(request) || !wants_one_answer(request) || has_name_taken(spelled, tools))
        return (struct str){NULL, 0};
    if (json_is(tools, JSON_ARRAY) && tools->child)
        list = arena_printf(a, "%.*s,%s]", (int)tools->raw.len - 1, tools->raw.data, spelled->tool);
    else
        list = arena_printf(a, "[%s]", spelled->tool);
    const char *member = list ? arena_printf(a, "\"tools\":%s", list) : NULL;
    if (!member)
        return (struct str){NULL, 0};
    json_edit_init(&edit, request->raw);
    json_edit_set(&edit, request, "tools", str_from(list), str_from(member));
    json_edit_replace(&edit, json_get(request, spelled->messages), messages);
    return finish_edit(a, &edit);
}

/* ---- the calls ---- */

/* What the model said, as a list: calls of tools, or all that it said with calls among it. */
static const struct json_value *list_of(const struct words *spelled,
                                        const struct json_value *answer)
{
    const struct json_value *list = json_at(answer, spelled->said);

    return json_is(list, JSON_ARRAY) ? list : NULL;
}

static bool is_call(const struct words *spelled, const struct json_value *item)
{
    return !spelled->call || says(json_get(item, "type"), spelled->call);
}

static bool is_our_call(const struct words *spelled, const struct json_value *item)
{
    return is_call(spelled, item) && is_ours(spelled, item);
}

/* The arguments are an object, or JSON in a string. */
static struct str key_of(struct arena *a, const struct words *spelled,
                         const struct json_value *item)
{
    const struct json_value *arguments = json_at(item, spelled->arguments);
    struct str text, key;
    size_t at;

    if (json_string(arguments, a, &text) && json_parse(a, text, &arguments, &at) != JSON_OK)
        return STR_EMPTY;
    return json_string(json_get(arguments, "key"), a, &key) ? str_trim(key) : STR_EMPTY;
}

void recall_text_find(struct arena *a, enum recall_text_api api, const struct json_value *answer,
                      struct recall_text_calls *ret)
{
    const struct words *spelled = &words[api];
    const struct json_value *list = list_of(spelled, answer);

    *ret = (struct recall_text_calls){.answer = answer};
    ret->is_cut_short = says(json_at(answer, spelled->finish), spelled->is_cut_short);
    for (const struct json_value *item = list ? list->child : NULL; item; item = item->next) {
        const struct json_value *id = json_get(item, spelled->id);
        if (!is_call(spelled, item))
            continue;
        if (!is_our_call(spelled, item) || !json_is(id, JSON_STRING) ||
            ret->n == RECALL_TEXT_MAX_CALLS) {
            ret->has_others = true;
            continue;
        }
        ret->of[ret->n++] =
            (struct recall_text_call){.id = id->raw, .key = key_of(a, spelled, item)};
    }
}

static void write_results(const struct words *spelled, const struct recall_text_calls *calls,
                          struct json_write *w)
{
    for (size_t i = 0; i < calls->n; i++) {
        const struct recall_text_call *c = &calls->of[i];
        json_write_begin(w, '{');
        json_write_member(w, spelled->result_type, spelled->result);
        json_write_key(w, spelled->result_id);
        json_write_raw(w, c->id);
        json_write_member_str(w, spelled->result_text, c->result);
        json_write_end(w, '}');
    }
}

/* A thought that is neither stored by its provider nor carries its proof would be refused. */
static bool is_told_again(const struct json_value *answer, const struct json_value *item)
{
    return !says(json_get(answer, "store"), "false") ||
           !says(json_get(item, "type"), "\"reasoning\"") ||
           json_is(json_get(item, "encrypted_content"), JSON_STRING);
}

static void write_turn(enum recall_text_api api, const struct recall_text_calls *calls,
                       struct json_write *w)
{
    const struct json_value *answer = calls->answer, *list = list_of(&words[api], answer);

    switch (api) {
    case RECALL_TEXT_CHAT:
        json_write_raw(w, json_at(answer, "choices.0.message")->raw);
        write_results(&words[api], calls, w);
        return;
    case RECALL_TEXT_MESSAGES:
        json_write_begin(w, '{');
        json_write_member(w, "role", "assistant");
        json_write_key(w, "content");
        json_write_raw(w, list->raw);
        json_write_end(w, '}');
        json_write_begin(w, '{');
        json_write_member(w, "role", "user");
        json_write_key(w, "content");
        json_write_begin(w, '[');
        write_results(&words[api], calls, w);
        json_write_end(w, ']');
        json_write_end(w, '}');
        return;
    case RECALL_TEXT_RESPONSES:
        for (const struct json_value *item = list->child; item; item = item->next)
            if (is_told_again(answer, item))
                json_write_raw(w, item->raw);
        write_results(&words[api], calls, w);
        return;
    }
}

/* The text of a writer that has finished, in the arena; `text` is released. */
static struct str take_text(struct arena *a, struct json_write *w, struct buf *text)
{
    char *copy = json_write_finish(w) == BUF_OK ? arena_copy(a, buf_str(text)) : NULL;
    struct str all = {copy, copy ? text->len : 0};

    buf_done(text);
    return all;
}

struct str recall_text_extend(struct arena *a, enum recall_text_api api, struct str messages,
                              const struct recall_text_calls *calls)
{
    size_t room = messages.len + calls->answer->raw.len + MAX_ROOM;
    struct json_write w;
    struct buf text;

    for (size_t i = 0; i < calls->n; i++)
        room += 6 * calls->of[i].result.len + calls->of[i].id.len; /* as JSON may spell it */
    buf_init(&text, room);
    json_write_init(&w, &text);
    json_write_begin(&w, '[');
    json_write_raw(&w, str_trim((struct str){messages.data + 1, messages.len - 2}));
    write_turn(api, calls, &w);
    json_write_end(&w, ']');
    return take_text(a, &w, &text);
}

/* ---- what the caller gets ---- */

/* The list without our calls, or our tool; *ret_calls is how many other calls there are. */
static struct str strip_list(struct arena *a, const struct words *spelled,
                             const struct json_value *list, size_t *ret_calls)
{
    struct json_write w;
    struct buf text;

    *ret_calls = 0;
    buf_init(&text, list->raw.len + 2);
    json_write_init(&w, &text);
    json_write_begin(&w, '[');
    for (const struct json_value *item = list->child; item; item = item->next) {
        if (is_ours(spelled, item))
            continue;
        *ret_calls += is_call(spelled, item);
        json_write_raw(&w, item->raw);
    }
    json_write_end(&w, ']');
    return take_text(a, &w, &text);
}

/* False when the arena is full. */
static bool leave_calls_out(struct arena *a, enum recall_text_api api,
                            const struct json_value *answer, struct json_edit *edit)
{
    const struct words *spelled = &words[api];
    const struct json_value *list = list_of(spelled, answer);
    const struct json_value *finish = json_at(answer, spelled->finish);
    size_t n_calls;

    if (!list || !has_name_taken(spelled, list))
        return true;
    struct str left = strip_list(a, spelled, list, &n_calls);
    if (n_calls == 0 && api == RECALL_TEXT_CHAT)
        json_edit_remove(edit, json_at(answer, "choices.0.message"), list);
    else
        json_edit_replace(edit, list, left);
    if (n_calls == 0 && says(finish, spelled->is_called))
        json_edit_replace(edit, finish, str_from(spelled->is_over));
    return left.data != NULL;
}

/* Some say again with which tools they were asked. */
static bool leave_tool_out(struct arena *a, const struct words *spelled,
                           const struct json_value *answer, struct json_edit *edit)
{
    const struct json_value *tools = json_get(answer, "tools");
    size_t n;

    if (!json_is(tools, JSON_ARRAY) || !has_name_taken(spelled, tools))
        return true;
    struct str left = strip_list(a, spelled, tools, &n);
    json_edit_replace(edit, tools, left);
    return left.data != NULL;
}

/* Each number with those that stand in its place in the `n` others. */
static void write_sum(struct json_write *w, struct arena *a, const struct json_value *last,
                      const struct json_value *const *before, size_t n)
{
    const struct json_value *inner[RECALL_TEXT_MAX_ROUNDS];
    int64_t sum, more;

    if (json_is(last, JSON_OBJECT)) {
        json_write_begin(w, '{');
        for (const struct json_value *m = last->child; m; m = m->next) {
            const char *key = arena_copy(a, m->key);
            for (size_t i = 0; i < n; i++)
                inner[i] = json_get(before[i], key ? key : "");
            json_write_key(w, key ? key : "");
            write_sum(w, a, m, inner, n);
        }
        json_write_end(w, '}');
    } else if (json_int(last, &sum)) {
        for (size_t i = 0; i < n; i++)
            sum += json_int(before[i], &more) ? more : 0;
        json_write_int(w, sum);
    } else {
        json_write_raw(w, last->raw);
    }
}

static bool add_usage(struct arena *a, const struct json_value *answer,
                      const struct json_value *const *before, size_t n, struct json_edit *edit)
{
    const struct json_value *used[RECALL_TEXT_MAX_ROUNDS];
    const struct json_value *last = json_get(answer, "usage");
    struct json_write w;
    struct buf text;

    if (n == 0 || !last)
        return true;
    for (size_t i = 0; i < n; i++)
        used[i] = json_get(before[i], "usage");
    buf_init(&text, 2 * last->raw.len + MAX_ROOM);
    json_write_init(&w, &text);
    write_sum(&w, a, last, used, n);
    struct str sum = take_text(a, &w, &text);
    json_edit_replace(edit, last, sum);
    return sum.data != NULL;
}

struct str recall_text_close(struct arena *a, enum recall_text_api api,
                             const struct json_value *answer,
                             const struct json_value *const *before, size_t n)
{
    struct json_edit edit;

    json_edit_init(&edit, answer->raw);
    if (!leave_calls_out(a, api, answer, &edit) || !leave_tool_out(a, &words[api], answer, &edit) ||
        !add_usage(a, answer, before, n, &edit))
        return (struct str){NULL, 0};
    return edit.n > 0 ? finish_edit(a, &edit) : answer->raw;
}
