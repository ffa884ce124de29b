#include "dialect_gemini.h"

#include "base/json.h"
#include "call_id.h"
#include "logprobs.h"

/* One whole answer or one event of a stream; both have the same members. */
struct reader {
    const struct json_value *root;
    struct str source;
    struct chat_events *out;
    uint32_t choice;
    uint16_t *n_tools; /* by choice: its calls so far */
    bool has_content, has_ended;
};

static struct chat_event *add(const struct reader *r, enum chat_event_kind kind)
{
    struct chat_event *e = chat_event_add(r->out, kind);

    e->choice = r->choice;
    return e;
}

/* ---- parts ---- */

static bool read_call(struct reader *r, const struct json_value *call, struct str signature)
{
    const struct json_value *arguments = json_get(call, "args");
    uint16_t *n = &r->n_tools[r->choice];

    if (*n >= CHAT_MAX_TOOLS)
        return false;
    struct chat_event *e = add(r, CHAT_TOOL_CALL);
    e->tool = *n;
    e->name = json_text(json_get(call, "name"), r->out->arena);
    e->signature = signature;
    e->id = json_text(json_get(call, "id"), r->out->arena);
    if (e->id.len == 0)
        e->id = call_id_make(r->out->arena, r->source, r->choice * CHAT_MAX_TOOLS + *n);
    e = add(r, CHAT_ARGUMENTS);
    e->tool = (*n)++;
    e->text = json_is(arguments, JSON_OBJECT) ? arguments->raw : STR("{}");
    return true;
}

static void read_text(const struct reader *r, struct str text, bool is_thought,
                      struct str signature)
{
    if (is_thought) {
        if (text.len > 0)
            add(r, CHAT_THINKING)->text = text;
        if (signature.len > 0)
            add(r, CHAT_SIGNATURE)->text = signature;
        return;
    }
    if (text.len == 0 && signature.len == 0)
        return;
    struct chat_event *e = add(r, CHAT_TEXT);
    e->text = text;
    e->signature = signature;
}

static bool read_part(struct reader *r, const struct json_value *part)
{
    const struct json_value *call = json_get(part, "functionCall"), *text = json_get(part, "text");
    struct str signature = json_text(json_get(part, "thoughtSignature"), r->out->arena);
    bool is_thought = false;

    if (json_is(call, JSON_OBJECT))
        return read_call(r, call, signature);
    if (!json_bool(json_get(part, "thought"), &is_thought))
        is_thought = false;
    if (json_is(text, JSON_STRING) || signature.len > 0) {
        read_text(r, json_text(text, r->out->arena), is_thought, signature);
        return true;
    }
    if (json_is(part, JSON_OBJECT) && part->n_children > 0)
        add(r, CHAT_ERROR)->text = STR("The model answered with something that is no text.");
    return true;
}

/* ---- candidates ---- */

enum ending { ENDING_STOP, ENDING_LENGTH, ENDING_FILTER, ENDING_FAILED };

static enum ending ending_of(struct str reason)
{
    static const struct {
        const char *reason;
        enum ending ending;
    } table[] = {
        {"STOP", ENDING_STOP},
        {"MAX_TOKENS", ENDING_LENGTH},
        {"CONTINUATION", ENDING_LENGTH},
        {"MALFORMED_FUNCTION_CALL", ENDING_FAILED},
        {"UNEXPECTED_TOOL_CALL", ENDING_FAILED},
        {"TOO_MANY_TOOL_CALLS", ENDING_FAILED},
        {"MISSING_THOUGHT_SIGNATURE", ENDING_FAILED},
        {"MALFORMED_RESPONSE", ENDING_FAILED},
        {"NO_IMAGE", ENDING_FAILED},
        {"IMAGE_OTHER", ENDING_FAILED},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (str_is(reason, table[i].reason))
            return table[i].ending;
    /* SAFETY, RECITATION, BLOCKLIST, PROHIBITED_CONTENT, SPII, LANGUAGE, IMAGE_SAFETY, OTHER …:
     * the model did not come to an end of its own */
    return ENDING_FILTER;
}

static void add_failure(const struct reader *r, struct str reason)
{
    const char *text = arena_printf(r->out->arena, "The model gave up: %.*s.", STR_ARG(reason));

    add(r, CHAT_ERROR)->text = str_from(text);
}

static void read_ending(struct reader *r, struct str reason)
{
    r->has_ended = true;
    switch (ending_of(reason)) {
    case ENDING_STOP:
        add(r, CHAT_FINISH)->finish =
            r->n_tools[r->choice] > 0 ? CHAT_FINISH_TOOL_CALLS : CHAT_FINISH_STOP;
        return;
    case ENDING_LENGTH:
        add(r, CHAT_FINISH)->finish = CHAT_FINISH_LENGTH;
        return;
    case ENDING_FILTER:
        add(r, CHAT_FINISH)->finish = CHAT_FINISH_FILTER;
        return;
    case ENDING_FAILED:
        add_failure(r, reason);
        return;
    }
}

static void read_logprobs(const struct reader *r, const struct json_value *result)
{
    const struct json_value *chosen = json_get(result, "chosenCandidates");
    const struct json_value *tops = json_get(result, "topCandidates");
    struct str text;

    if (!json_is(chosen, JSON_ARRAY) || chosen->n_children == 0)
        return;
    CLEANUP(logprobs_done) struct logprobs l;
    logprobs_init(&l, r->out->arena, "logProbability");
    const struct json_value *top = json_is(tops, JSON_ARRAY) ? tops->child : NULL;
    for (const struct json_value *c = chosen->child; c; c = c->next, top = top ? top->next : NULL)
        logprobs_add(&l, c, json_get(top, "candidates"));
    if (logprobs_finish(&l, &text))
        add(r, CHAT_LOGPROBS)->text = text;
    else
        r->out->is_full = true;
}

static bool read_candidate(struct reader *r, const struct json_value *candidate)
{
    const struct json_value *parts = json_at(candidate, "content.parts");
    const struct json_value *reason = json_get(candidate, "finishReason");
    int64_t index = 0;

    if (!json_int(json_get(candidate, "index"), &index))
        index = 0;
    if (index < 0 || index >= CHAT_MAX_CHOICES)
        return false;
    r->choice = (uint32_t)index;
    if (json_is(parts, JSON_ARRAY))
        for (const struct json_value *p = parts->child; p; p = p->next)
            if (!read_part(r, p))
                return false;
    read_logprobs(r, json_get(candidate, "logprobsResult"));
    if (json_is(reason, JSON_STRING))
        read_ending(r, json_text(reason, r->out->arena));
    return true;
}

/* ---- answers ---- */

static int64_t count_of(const struct json_value *usage, const char *key)
{
    int64_t n = 0;

    return json_int(json_get(usage, key), &n) && n > 0 ? n : 0;
}

/* The prompt's count includes what was cached; thinking is counted apart from the answer. A stream
 * repeats a growing total, of which only the last is true. */
static bool read_usage(const struct reader *r)
{
    const struct json_value *usage = json_get(r->root, "usageMetadata");

    if (!json_get(usage, "promptTokenCount"))
        return false;
    if (r->has_content && !r->has_ended)
        return true;
    int64_t thoughts = count_of(usage, "thoughtsTokenCount");
    chat_event_add(r->out, CHAT_USAGE)->usage = (struct chat_usage){
        .input = count_of(usage, "promptTokenCount") + count_of(usage, "toolUsePromptTokenCount"),
        .output = count_of(usage, "candidatesTokenCount") + thoughts,
        .cached = count_of(usage, "cachedContentTokenCount"),
        .reasoning = thoughts,
    };
    return true;
}

/* A prompt that is refused has no candidates: the answer is over. */
static bool read_block(struct reader *r)
{
    if (!json_is(json_at(r->root, "promptFeedback.blockReason"), JSON_STRING))
        return false;
    chat_event_add(r->out, CHAT_FINISH)->finish = CHAT_FINISH_FILTER;
    r->has_ended = true;
    return true;
}

static bool read_candidates(struct reader *r)
{
    const struct json_value *candidates = json_get(r->root, "candidates");

    if (!json_is(candidates, JSON_ARRAY) || candidates->n_children == 0) {
        r->has_content = read_block(r);
        return true;
    }
    r->has_content = true;
    for (const struct json_value *c = candidates->child; c; c = c->next)
        if (!read_candidate(r, c))
            return false;
    return true;
}

static void add_start(const struct reader *r)
{
    struct chat_event *e = chat_event_add(r->out, CHAT_START);

    e->id = json_text(json_get(r->root, "responseId"), r->out->arena);
    e->name = json_text(json_get(r->root, "modelVersion"), r->out->arena);
}

static bool open_reader(struct reader *r, struct str text, struct chat_events *out)
{
    size_t offset;

    *r = (struct reader){.source = text, .out = out};
    return json_parse(out->arena, text, &r->root, &offset) == JSON_OK;
}

/* An error stands alone or, in some answers, in an array. */
static const struct json_value *error_of(const struct json_value *root)
{
    const struct json_value *object = json_is(root, JSON_ARRAY) ? root->child : root;

    return json_get(object, "error");
}

static bool read_event(struct dialect_stream *s, struct str name, struct str data,
                       struct chat_events *ret)
{
    struct reader r;

    (void)name;
    if (!open_reader(&r, data, ret))
        return false;
    if (error_of(r.root)) {
        chat_event_add_text(ret, CHAT_ERROR,
                            json_text(json_get(error_of(r.root), "message"), r.out->arena));
        return true;
    }
    if (!json_is(r.root, JSON_OBJECT))
        return false;
    r.n_tools = s->tool_of;
    if (!s->has_started)
        add_start(&r);
    s->has_started = true;
    return read_candidates(&r) && (read_usage(&r) || r.has_content);
}

/* Of a whole answer: one that has not ended is not whole. */
static bool has_ended(const struct json_value *root)
{
    const struct json_value *candidates = json_get(root, "candidates");

    if (json_is(candidates, JSON_ARRAY))
        for (const struct json_value *c = candidates->child; c; c = c->next)
            if (!json_is(json_get(c, "finishReason"), JSON_STRING))
                return false;
    return true;
}

static bool read_answer(struct str body, struct chat_events *ret)
{
    struct reader r;
    uint16_t n_tools[CHAT_MAX_CHOICES] = {0};

    if (!open_reader(&r, body, ret) || !json_is(r.root, JSON_OBJECT) || !has_ended(r.root))
        return false;
    r.n_tools = n_tools;
    add_start(&r);
    if (!read_candidates(&r) || !r.has_content)
        return false;
    (void)read_usage(&r);
    chat_event_add(ret, CHAT_DONE);
    return true;
}

static struct str read_error(struct arena *a, struct str body)
{
    const struct json_value *root;
    size_t offset;
    struct str text;

    if (json_parse(a, body, &root, &offset) == JSON_OK &&
        json_string(json_get(error_of(root), "message"), a, &text))
        return text;
    return STR_EMPTY;
}

const struct dialect dialect_gemini = {
    .name = "gemini",
    .framing = DIALECT_SSE,
    .auth_header = "x-goog-api-key",
    .auth_prefix = "",
    .probe_path = "/models",
    .write = dialect_gemini_write,
    .read_answer = read_answer,
    .read_event = read_event,
    .read_error = read_error,
    .write_embed = dialect_gemini_embed_write,
    .read_embed = dialect_gemini_embed_read,
};
