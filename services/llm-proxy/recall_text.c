#include "recall_text.h"

#include "base/json_edit.h"
#include "base/json_write.h"

#include <string.h>

#define NAME     "retrieve_omitted"
#define MAX_ROOM 4096 /* of what is put around texts */

#define DESCRIPTION                                                                                \
    "Gives back text that was left out of this conversation to save room. Where something is "     \
    "missing a marker says so and names a key, as in key=0123456789abcdef. Call it with that key " \
    "when what was left out matters for the answer."
#define SCHEMA                                                                                     \
    "{\"type\":\"object\",\"properties\":{\"key\":{\"type\":\"string\",\"description\":\"as the "  \
    "marker names it\"}},\"required\":[\"key\"]}"

static const char openai_tool[] =
    "{\"type\":\"function\",\"function\":{\"name\":\"" NAME "\",\"description\":\"" DESCRIPTION
    "\",\"parameters\":" SCHEMA "}}";
static const char anthropic_tool[] =
    "{\"name\":\"" NAME "\",\"description\":\"" DESCRIPTION "\",\"input_schema\":" SCHEMA "}";

static bool is_anthropic(enum settings_dialect api)
{
    return api == DIALECT_ANTHROPIC;
}

static bool says(const struct json_value *v, const char *spelled)
{
    return v && str_is(v->raw, spelled);
}

static bool is_ours(const struct json_value *name)
{
    return says(name, "\"" NAME "\"");
}

/* ---- the offer ---- */

static bool is_free_to_choose(enum settings_dialect api, const struct json_value *request)
{
    const struct json_value *choice = json_get(request, "tool_choice");

    if (!choice || json_is(choice, JSON_NULL))
        return true;
    return is_anthropic(api) ? says(json_get(choice, "type"), "\"auto\"")
                             : says(choice, "\"auto\"");
}

static bool has_name_taken(enum settings_dialect api, const struct json_value *tools)
{
    for (const struct json_value *t = tools ? tools->child : NULL; t; t = t->next)
        if (is_ours(is_anthropic(api) ? json_get(t, "name") : json_at(t, "function.name")))
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

struct str recall_text_offer(struct arena *a, enum settings_dialect api,
                             const struct json_value *request, struct str messages)
{
    const struct json_value *tools = json_get(request, "tools");
    const char *tool = is_anthropic(api) ? anthropic_tool : openai_tool;
    struct json_edit edit;
    char *list;

    if (!is_free_to_choose(api, request) || !wants_one_answer(request) ||
        has_name_taken(api, tools))
        return (struct str){NULL, 0};
    if (json_is(tools, JSON_ARRAY) && tools->child)
        list = arena_printf(a, "%.*s,%s]", (int)tools->raw.len - 1, tools->raw.data, tool);
    else
        list = arena_printf(a, "[%s]", tool);
    const char *member = list ? arena_printf(a, "\"tools\":%s", list) : NULL;
    if (!member)
        return (struct str){NULL, 0};
    json_edit_init(&edit, request->raw);
    json_edit_set(&edit, request, "tools", str_from(list), str_from(member));
    json_edit_replace(&edit, json_get(request, "messages"), messages);
    return finish_edit(a, &edit);
}

/* ---- the calls ---- */

/* What the model said, as a list: calls of tools, or blocks of content with calls among them. */
static const struct json_value *list_of(enum settings_dialect api, const struct json_value *answer)
{
    const struct json_value *list = is_anthropic(api)
                                        ? json_get(answer, "content")
                                        : json_at(answer, "choices.0.message.tool_calls");

    return json_is(list, JSON_ARRAY) ? list : NULL;
}

static bool is_call(enum settings_dialect api, const struct json_value *item)
{
    return !is_anthropic(api) || says(json_get(item, "type"), "\"tool_use\"");
}

static const struct json_value *name_of(enum settings_dialect api, const struct json_value *item)
{
    return is_anthropic(api) ? json_get(item, "name") : json_at(item, "function.name");
}

static bool is_our_call(enum settings_dialect api, const struct json_value *item)
{
    return is_call(api, item) && is_ours(name_of(api, item));
}

/* The arguments are an object, or JSON in a string. */
static struct str key_of(struct arena *a, enum settings_dialect api, const struct json_value *item)
{
    const struct json_value *arguments =
        is_anthropic(api) ? json_get(item, "input") : json_at(item, "function.arguments");
    struct str text, key;
    size_t at;

    if (json_string(arguments, a, &text) && json_parse(a, text, &arguments, &at) != JSON_OK)
        return STR_EMPTY;
    return json_string(json_get(arguments, "key"), a, &key) ? str_trim(key) : STR_EMPTY;
}

void recall_text_find(struct arena *a, enum settings_dialect api, const struct json_value *answer,
                      struct recall_text_calls *ret)
{
    const struct json_value *list = list_of(api, answer);

    *ret = (struct recall_text_calls){.n = 0};
    for (const struct json_value *item = list ? list->child : NULL; item; item = item->next) {
        const struct json_value *id = json_get(item, "id");
        if (!is_call(api, item))
            continue;
        if (!is_our_call(api, item) || !json_is(id, JSON_STRING) ||
            ret->n == RECALL_TEXT_MAX_CALLS) {
            ret->has_others = true;
            continue;
        }
        ret->of[ret->n++] = (struct recall_text_call){.id = id->raw, .key = key_of(a, api, item)};
    }
}

static void write_results(const struct recall_text_calls *calls, bool is_block,
                          struct json_write *w)
{
    for (size_t i = 0; i < calls->n; i++) {
        const struct recall_text_call *c = &calls->of[i];
        json_write_begin(w, '{');
        json_write_member(w, is_block ? "type" : "role", is_block ? "tool_result" : "tool");
        json_write_key(w, is_block ? "tool_use_id" : "tool_call_id");
        json_write_raw(w, c->id);
        json_write_member_str(w, "content", c->result);
        json_write_end(w, '}');
    }
}

static void write_turn(enum settings_dialect api, const struct json_value *answer,
                       const struct recall_text_calls *calls, struct json_write *w)
{
    if (!is_anthropic(api)) {
        json_write_raw(w, json_at(answer, "choices.0.message")->raw);
        write_results(calls, false, w);
        return;
    }
    json_write_begin(w, '{');
    json_write_member(w, "role", "assistant");
    json_write_key(w, "content");
    json_write_raw(w, json_get(answer, "content")->raw);
    json_write_end(w, '}');
    json_write_begin(w, '{');
    json_write_member(w, "role", "user");
    json_write_key(w, "content");
    json_write_begin(w, '[');
    write_results(calls, true, w);
    json_write_end(w, ']');
    json_write_end(w, '}');
}

/* The text of a writer that has finished, in the arena; `text` is released. */
static struct str take_text(struct arena *a, struct json_write *w, struct buf *text)
{
    char *copy = json_write_finish(w) == BUF_OK ? arena_copy(a, buf_str(text)) : NULL;
    struct str all = {copy, copy ? text->len : 0};

    buf_done(text);
    return all;
}

struct str recall_text_extend(struct arena *a, enum settings_dialect api, struct str messages,
                              const struct json_value *answer,
                              const struct recall_text_calls *calls)
{
    size_t room = messages.len + answer->raw.len + MAX_ROOM;
    struct json_write w;
    struct buf text;

    for (size_t i = 0; i < calls->n; i++)
        room += 6 * calls->of[i].result.len + calls->of[i].id.len; /* as JSON may spell it */
    buf_init(&text, room);
    json_write_init(&w, &text);
    json_write_begin(&w, '[');
    json_write_raw(&w, str_trim((struct str){messages.data + 1, messages.len - 2}));
    write_turn(api, answer, calls, &w);
    json_write_end(&w, ']');
    return take_text(a, &w, &text);
}

/* ---- what the caller gets ---- */

/* The list without our calls; *ret_calls is how many others there are. */
static struct str strip_list(struct arena *a, enum settings_dialect api,
                             const struct json_value *list, size_t *ret_calls)
{
    struct json_write w;
    struct buf text;

    *ret_calls = 0;
    buf_init(&text, list->raw.len + 2);
    json_write_init(&w, &text);
    json_write_begin(&w, '[');
    for (const struct json_value *item = list->child; item; item = item->next) {
        if (is_our_call(api, item))
            continue;
        *ret_calls += is_call(api, item);
        json_write_raw(&w, item->raw);
    }
    json_write_end(&w, ']');
    return take_text(a, &w, &text);
}

struct str recall_text_strip(struct arena *a, enum settings_dialect api,
                             const struct json_value *answer)
{
    const struct json_value *list = list_of(api, answer);
    const struct json_value *finish = is_anthropic(api)
                                          ? json_get(answer, "stop_reason")
                                          : json_at(answer, "choices.0.finish_reason");
    struct json_edit edit;
    size_t n_calls;

    if (!list)
        return answer->raw;
    struct str left = strip_list(a, api, list, &n_calls);
    if (!left.data)
        return left;
    json_edit_init(&edit, answer->raw);
    if (n_calls == 0 && !is_anthropic(api))
        json_edit_remove(&edit, json_at(answer, "choices.0.message"), list);
    else
        json_edit_replace(&edit, list, left);
    if (n_calls == 0 && finish)
        json_edit_replace(&edit, finish, is_anthropic(api) ? STR("\"end_turn\"") : STR("\"stop\""));
    return finish_edit(a, &edit);
}
