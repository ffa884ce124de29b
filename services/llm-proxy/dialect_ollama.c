#include "dialect_ollama.h"

#include "base/json.h"
#include "call_id.h"
#include "logprobs.h"

/* One whole answer or one line of a stream; both have the same members. */
struct reader {
    const struct json_value *root;
    struct str source;
    struct chat_events *out;
    uint32_t n_tools; /* of the answer, before this line */
};

static void read_call(struct reader *r, const struct json_value *call)
{
    const struct json_value *function = json_get(call, "function");
    const struct json_value *arguments = json_get(function, "arguments");
    struct chat_event *e = chat_event_add(r->out, CHAT_TOOL_CALL);

    e->tool = r->n_tools;
    e->name = json_text(json_get(function, "name"), r->out->arena);
    e->id = json_text(json_get(call, "id"), r->out->arena);
    if (e->id.len == 0)
        e->id = call_id_make(r->out->arena, r->source, r->n_tools);
    e = chat_event_add(r->out, CHAT_ARGUMENTS);
    e->tool = r->n_tools++;
    e->text = json_is(arguments, JSON_OBJECT) ? arguments->raw : STR("{}");
}

static bool read_calls(struct reader *r, const struct json_value *calls)
{
    if (!json_is(calls, JSON_ARRAY))
        return true;
    if (calls->n_children > CHAT_MAX_TOOLS - r->n_tools)
        return false;
    for (const struct json_value *c = calls->child; c; c = c->next)
        read_call(r, c);
    return true;
}

static void read_logprobs(const struct reader *r)
{
    const struct json_value *list = json_get(r->root, "logprobs");
    struct str text;

    if (!json_is(list, JSON_ARRAY) || list->n_children == 0)
        return;
    CLEANUP(logprobs_done) struct logprobs l;
    logprobs_init(&l, r->out->arena, "logprob");
    for (const struct json_value *item = list->child; item; item = item->next)
        logprobs_add(&l, item, json_get(item, "top_logprobs"));
    if (logprobs_finish(&l, &text))
        chat_event_add_text(r->out, CHAT_LOGPROBS, text);
    else
        r->out->is_full = true;
}

static int64_t count_of(const struct reader *r, const char *key)
{
    int64_t n = 0;

    return json_int(json_get(r->root, key), &n) && n > 0 ? n : 0;
}

/* A zero is left out. A prompt of no tokens is none: old versions do not count a cached one. */
static void read_usage(const struct reader *r)
{
    int64_t input = count_of(r, "prompt_eval_count");

    if (input == 0)
        return;
    chat_event_add(r->out, CHAT_USAGE)->usage =
        (struct chat_usage){.input = input, .output = count_of(r, "eval_count")};
}

/* A reason that says that nothing was generated is no end of an answer. */
static void read_end(const struct reader *r)
{
    struct str reason = json_text(json_get(r->root, "done_reason"), r->out->arena);

    if (str_is(reason, "load") || str_is(reason, "unload")) {
        chat_event_add_text(r->out, CHAT_ERROR,
                            STR("The model was loaded or unloaded and gave no answer."));
        return;
    }
    chat_event_add(r->out, CHAT_FINISH)->finish = str_is(reason, "length") ? CHAT_FINISH_LENGTH
                                                  : r->n_tools > 0         ? CHAT_FINISH_TOOL_CALLS
                                                                           : CHAT_FINISH_STOP;
    read_usage(r);
    chat_event_add(r->out, CHAT_DONE);
}

static bool is_done(const struct reader *r)
{
    bool done;

    return json_bool(json_get(r->root, "done"), &done) && done;
}

static bool read_line(struct reader *r)
{
    const struct json_value *error = json_get(r->root, "error");
    const struct json_value *message = json_get(r->root, "message");

    if (json_is(error, JSON_STRING)) {
        chat_event_add_text(r->out, CHAT_ERROR, json_text(error, r->out->arena));
        return true;
    }
    if (!json_is(message, JSON_OBJECT) && !is_done(r))
        return false;
    chat_event_add_string(r->out, CHAT_THINKING, json_get(message, "thinking"));
    chat_event_add_string(r->out, CHAT_TEXT, json_get(message, "content"));
    if (!read_calls(r, json_get(message, "tool_calls")))
        return false;
    read_logprobs(r);
    if (is_done(r))
        read_end(r);
    return true;
}

static bool open_reader(struct reader *r, struct str text, struct chat_events *out)
{
    size_t offset;

    *r = (struct reader){.source = text, .out = out};
    return json_parse(out->arena, text, &r->root, &offset) == JSON_OK &&
           json_is(r->root, JSON_OBJECT);
}

static void add_start(const struct reader *r)
{
    chat_event_add(r->out, CHAT_START)->name = json_text(json_get(r->root, "model"), r->out->arena);
}

static bool read_event(struct dialect_stream *s, struct str name, struct str data,
                       struct chat_events *ret)
{
    struct reader r;

    (void)name;
    if (!open_reader(&r, data, ret))
        return false;
    r.n_tools = s->n_tools;
    if (!s->has_started && json_get(r.root, "message")) {
        add_start(&r);
        s->has_started = true;
    }
    bool is_valid = read_line(&r);
    s->n_tools = r.n_tools;
    return is_valid;
}

static bool read_answer(struct str body, struct chat_events *ret)
{
    struct reader r;

    if (!open_reader(&r, body, ret) || !json_is(json_get(r.root, "message"), JSON_OBJECT) ||
        !is_done(&r))
        return false;
    add_start(&r);
    return read_line(&r);
}

static struct str read_error(struct arena *a, struct str body)
{
    const struct json_value *root;
    size_t offset;
    struct str text;

    if (json_parse(a, body, &root, &offset) == JSON_OK &&
        json_string(json_get(root, "error"), a, &text))
        return text;
    return STR_EMPTY;
}

const struct dialect dialect_ollama = {
    .name = "ollama",
    .framing = DIALECT_NDJSON,
    .auth_header = "authorization",
    .auth_prefix = "Bearer ",
    .probe_path = "/api/tags",
    .write = dialect_ollama_write,
    .read_answer = read_answer,
    .read_event = read_event,
    .read_error = read_error,
    .write_embed = dialect_ollama_embed_write,
    .read_embed = dialect_ollama_embed_read,
};
