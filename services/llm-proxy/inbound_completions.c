#include "base/json_write.h"
#include "inbound.h"
#include "inbound_frame.h"
#include "request_field.h"
#include "tokens/estimate.h"
#include "variant.h"

#include <string.h>

#define MAX_COUNT INT32_MAX

/* ---- the request ---- */

static bool read_stream_options(const struct request_field *f, const struct json_value *root,
                                bool *ret_wants_usage)
{
    const struct json_value *options;
    struct request_field inner = {f->arena, f->fault, "stream_options."};

    if (!request_field_object(f, root, "stream_options", &options))
        return false;
    return !options || request_field_bool(&inner, options, "include_usage", ret_wants_usage);
}

static bool read_request(struct arena *a, struct chat_request *ret, struct inbound_fault *reterr)
{
    struct request_field f = {.arena = a, .fault = reterr};
    const struct json_value *prompt = chat_request_field(ret->root, "prompt");

    if (!json_is(prompt, JSON_STRING) && !json_is(prompt, JSON_ARRAY))
        return request_field_fail(&f, "prompt", "'prompt' must be a string or an array.");
    if (!request_field_count(&f, ret->root, "max_tokens", MAX_COUNT, &ret->max_tokens) ||
        !read_stream_options(&f, ret->root, &ret->wants_usage))
        return false;
    ret->prompt_tokens = estimate_request_sampled(ret->root);
    return true;
}

static bool read_prompt(const struct request_field *f, const struct json_value *root,
                        struct chat *ret)
{
    const struct json_value *prompt = chat_request_field(root, "prompt");
    struct chat_message *last_message = NULL;
    struct chat_part *last_part = NULL;

    if (json_is(prompt, JSON_ARRAY) && prompt->n_children == 1)
        prompt = prompt->child;
    if (!json_is(prompt, JSON_STRING))
        return request_field_fail(f, "prompt",
                                  "'prompt' must be one text: several prompts and prompts of "
                                  "tokens cannot be carried over to this provider.");
    struct chat_message *m = chat_add_message(f->arena, &ret->messages, &last_message, CHAT_USER);
    struct chat_part *p = m ? chat_add_part(f->arena, &m->parts, &last_part, CHAT_PART_TEXT) : NULL;
    if (p && json_string(prompt, f->arena, &p->text))
        return true;
    f->fault->message = NULL;
    return false;
}

static bool refuse_set(const struct request_field *f, const char *key)
{
    return request_field_fail(f, key, "'%s' cannot be carried over to this provider.", key);
}

/* What only the API of completions can do. */
static bool check_untranslatable(const struct request_field *f, const struct json_value *root,
                                 int64_t n)
{
    bool is_echo = false;
    struct str suffix = STR_EMPTY;
    int64_t best_of = n;

    if (!request_field_bool(f, root, "echo", &is_echo) ||
        !request_field_text(f, root, "suffix", &suffix) ||
        !request_field_count(f, root, "best_of", MAX_COUNT, &best_of))
        return false;
    if (is_echo)
        return refuse_set(f, "echo");
    if (suffix.len > 0)
        return refuse_set(f, "suffix");
    if (best_of > n)
        return refuse_set(f, "best_of");
    if (chat_request_field(root, "logprobs"))
        return refuse_set(f, "logprobs");
    return true;
}

static bool read_stops(const struct request_field *f, const struct json_value *root,
                       struct chat *ret)
{
    const struct json_value *stop = chat_request_field(root, "stop");

    if (json_is(stop, JSON_STRING)) {
        ret->n_stops = 1;
        return request_field_text(f, root, "stop", &ret->stops[0]);
    }
    if (!stop)
        return true;
    if (stop->type != JSON_ARRAY || stop->n_children > CHAT_MAX_STOPS)
        return request_field_fail(f, "stop", "'stop' must be a text or up to %d texts.",
                                  CHAT_MAX_STOPS);
    for (const struct json_value *v = stop->child; v; v = v->next)
        if (!json_string(v, f->arena, &ret->stops[ret->n_stops++]))
            return request_field_fail(f, "stop", "'stop' must hold texts.");
    return true;
}

static bool read_sampling(const struct request_field *f, const struct json_value *root,
                          struct chat *ret)
{
    const struct json_value *bias;

    if (!request_field_number(f, root, "temperature", &ret->temperature) ||
        !request_field_number(f, root, "top_p", &ret->top_p) ||
        !request_field_number(f, root, "seed", &ret->seed) ||
        !request_field_number(f, root, "frequency_penalty", &ret->frequency_penalty) ||
        !request_field_number(f, root, "presence_penalty", &ret->presence_penalty) ||
        !request_field_object(f, root, "logit_bias", &bias))
        return false;
    if (bias && bias->n_children > 0)
        ret->logit_bias = bias->raw;
    return read_stops(f, root, ret);
}

static bool read_chat(struct arena *a, const struct json_value *root, struct chat *ret,
                      struct inbound_fault *reterr)
{
    static const char *const known[] = {
        "model",
        "prompt",
        "best_of",
        "echo",
        "suffix",
        "logprobs",
        "max_tokens",
        "n",
        "temperature",
        "top_p",
        "frequency_penalty",
        "presence_penalty",
        "logit_bias",
        "seed",
        "stop",
        "stream",
        "user",
        "stream_options",
    };
    struct request_field f = {.arena = a, .fault = reterr};

    *ret = (struct chat){.n = 1, .thinking_tokens = -1};
    if (!request_field_all_known(&f, root, known, sizeof(known) / sizeof(known[0])) ||
        !read_prompt(&f, root, ret) || !request_field_bool(&f, root, "stream", &ret->is_stream) ||
        !read_stream_options(&f, root, &ret->wants_usage) ||
        !request_field_count(&f, root, "max_tokens", MAX_COUNT, &ret->max_tokens) ||
        !request_field_count(&f, root, "n", CHAT_MAX_CHOICES, &ret->n) ||
        !request_field_text(&f, root, "user", &ret->user))
        return false;
    if (ret->n == 0)
        ret->n = 1;
    return check_untranslatable(&f, root, ret->n) && read_sampling(&f, root, ret);
}

static const char *field_of(enum chat_feature feature)
{
    switch (feature) {
    case CHAT_FEATURE_N:
        return "n";
    case CHAT_FEATURE_LOGIT_BIAS:
        return "logit_bias";
    case CHAT_FEATURE_TEMPERATURE:
        return "temperature";
    case CHAT_FEATURE_TOP_P:
        return "top_p";
    case CHAT_FEATURE_SEED:
        return "seed";
    case CHAT_FEATURE_FREQUENCY_PENALTY:
        return "frequency_penalty";
    case CHAT_FEATURE_PRESENCE_PENALTY:
        return "presence_penalty";
    case CHAT_FEATURE_STOP:
        return "stop";
    case CHAT_FEATURE_NONE:
    case CHAT_FEATURE_LOGPROBS:
    case CHAT_FEATURE_TOP_K:
    case CHAT_FEATURE_MIN_P:
    case CHAT_FEATURE_REPETITION_PENALTY:
    case CHAT_FEATURE_TOOLS:
    case CHAT_FEATURE_TOOL_CHOICE:
    case CHAT_FEATURE_PARALLEL_TOOL_CALLS:
    case CHAT_FEATURE_FORMAT:
    case CHAT_FEATURE_REASONING:
    case CHAT_FEATURE_VERBOSITY:
    case CHAT_FEATURE_SERVICE_TIER:
    case CHAT_FEATURE_IMAGE:
    case CHAT_FEATURE_AUDIO:
    case CHAT_FEATURE_FILE:
    case CHAT_FEATURE_TOOL_RESULT:
    case CHAT_FEATURE_EMBEDDINGS:
    case CHAT_FEATURE_DIMENSIONS:
    case CHAT_FEATURE_TOKENS:
    case CHAT_FEATURES:
        return NULL; /* cannot be asked for here */
    }
    return NULL;
}

/* ---- the answer ---- */

static const char *finish_text(enum chat_finish finish)
{
    switch (finish) {
    case CHAT_FINISH_STOP:
    case CHAT_FINISH_TOOL_CALLS:
        return "stop";
    case CHAT_FINISH_LENGTH:
    case CHAT_FINISH_PAUSE:
        return "length";
    case CHAT_FINISH_FILTER:
        return "content_filter";
    }
    return "stop";
}

static void write_head(struct json_write *w, const struct inbound_answer *answer)
{
    json_write_begin(w, '{');
    inbound_frame_write_id(w, "cmpl-", answer);
    json_write_member(w, "object", "text_completion");
    json_write_member_int(w, "created", answer->created);
    json_write_member(w, "model", answer->model);
    json_write_key(w, "choices");
    json_write_begin(w, '[');
}

/* The text stands between the two halves of a choice. */
static void begin_choice(struct json_write *w, uint32_t choice)
{
    json_write_begin(w, '{');
    json_write_member_u64(w, "index", choice);
}

static void end_choice(struct json_write *w, const char *finish)
{
    json_write_key(w, "logprobs");
    json_write_null(w);
    json_write_member(w, "finish_reason", finish);
    json_write_end(w, '}');
}

static bool is_shown(const struct chat_event *e)
{
    return e->kind == CHAT_TEXT || e->kind == CHAT_REFUSAL;
}

static struct str join_text(struct arena *a, const struct chat_event *events, uint32_t choice)
{
    size_t len = 0, at = 0;

    for (const struct chat_event *e = events; e; e = e->next)
        if (is_shown(e) && e->choice == choice)
            len += e->text.len;
    char *joined = arena_alloc(a, len + 1);
    if (!joined)
        return (struct str){NULL, 0};
    for (const struct chat_event *e = events; e; e = e->next) {
        if (!is_shown(e) || e->choice != choice)
            continue;
        memcpy(joined + at, e->text.data, e->text.len);
        at += e->text.len;
    }
    return (struct str){joined, len};
}

/* False when the arena is full. */
static bool write_choice(struct json_write *w, struct arena *a, const struct chat_event *events,
                         uint32_t choice)
{
    const char *finish = NULL;
    struct str text = join_text(a, events, choice);

    if (!text.data)
        return false;
    for (const struct chat_event *e = events; e; e = e->next)
        if (e->kind == CHAT_FINISH && e->choice == choice)
            finish = finish_text(e->finish);
    begin_choice(w, choice);
    json_write_member_str(w, "text", text);
    end_choice(w, finish ? finish : "stop");
    return true;
}

static enum buf_result write_answer(const struct inbound_answer *answer,
                                    const struct chat_event *events, struct arena *a,
                                    struct buf *out)
{
    struct json_write w;
    uint64_t choices = 1;
    const struct chat_usage *usage = NULL;

    for (const struct chat_event *e = events; e; e = e->next) {
        if (is_shown(e) || e->kind == CHAT_FINISH)
            choices |= UINT64_C(1) << e->choice;
        if (e->kind == CHAT_USAGE)
            usage = &e->usage;
    }
    json_write_init(&w, out);
    write_head(&w, answer);
    for (uint32_t i = 0; i < CHAT_MAX_CHOICES; i++)
        if ((choices >> i & 1) && !write_choice(&w, a, events, i))
            return BUF_FULL;
    json_write_end(&w, ']');
    if (usage)
        inbound_frame_write_usage(&w, usage);
    json_write_end(&w, '}');
    return json_write_finish(&w);
}

static enum buf_result write_chunk(const struct inbound_answer *answer, const struct chat_event *e,
                                   struct buf *out)
{
    struct json_write w;
    bool is_end = e->kind == CHAT_FINISH;

    enum buf_result full = inbound_frame_begin(NULL, out);
    json_write_init(&w, out);
    write_head(&w, answer);
    begin_choice(&w, e->choice);
    json_write_member_str(&w, "text", is_end ? STR_EMPTY : e->text);
    end_choice(&w, is_end ? finish_text(e->finish) : NULL);
    json_write_end(&w, ']');
    json_write_end(&w, '}');
    return inbound_frame_end(full, &w, out);
}

static enum buf_result write_event(struct inbound_stream *s, const struct chat_event *e,
                                   struct buf *out)
{
    switch (e->kind) {
    case CHAT_TEXT:
    case CHAT_REFUSAL:
        return e->text.len > 0 ? write_chunk(&s->answer, e, out) : BUF_OK;
    case CHAT_FINISH:
        return write_chunk(&s->answer, e, out);
    case CHAT_USAGE:
        s->has_usage = true;
        s->usage = e->usage;
        return BUF_OK;
    case CHAT_START:
    case CHAT_THINKING:
    case CHAT_SIGNATURE:
    case CHAT_REDACTED:
    case CHAT_TOOL_CALL:
    case CHAT_ARGUMENTS:
    case CHAT_LOGPROBS:
    case CHAT_ERROR:
    case CHAT_DONE:
        return BUF_OK;
    }
    return BUF_OK;
}

static enum buf_result write_usage(struct inbound_stream *s, struct buf *out)
{
    struct json_write w;

    enum buf_result full = inbound_frame_begin(NULL, out);
    json_write_init(&w, out);
    write_head(&w, &s->answer);
    json_write_end(&w, ']');
    inbound_frame_write_usage(&w, &s->usage);
    json_write_end(&w, '}');
    return inbound_frame_end(full, &w, out);
}

static enum buf_result write_end(struct inbound_stream *s, bool is_translated, struct buf *out)
{
    bool shows_usage = s->has_usage && s->answer.wants_usage;

    if (shows_usage && (is_translated || s->usage.is_local) && write_usage(s, out) != BUF_OK)
        return BUF_FULL;
    return buf_add_str(out, STR("data: [DONE]\n\n"));
}

static enum buf_result write_error(enum refusal r, const char *message, const char *param,
                                   const char *request_id, struct buf *out)
{
    (void)request_id;
    return refusal_write(r, message, param, out);
}

const struct inbound inbound_completions = {
    .route = "/v1/completions",
    .api = "completions",
    .dialect = DIALECT_OPENAI,
    .native = &dialect_completions,
    .needs = VARIANT_HAS_COMPLETIONS,
    .read_request = read_request,
    .read_chat = read_chat,
    .field_of = field_of,
    .write_answer = write_answer,
    .write_event = write_event,
    .write_end = write_end,
    .write_error = write_error,
};
