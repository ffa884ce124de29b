#include "recall.h"

#include "dispatch.h"
#include "exchange.h"
#include "tokens/estimate.h"
#include "translation.h"
#include "worker.h"

#define MAX_SAID (64u << 20)

#define NOT_FOUND "There is no such block, or no longer."
#define NOT_NOW   "It cannot be had at the moment."
#define NO_TEXT   "It is a picture, which cannot be shown again."

static enum recall_text_api api_of(const struct exchange *x)
{
    if (x->inbound == &inbound_responses)
        return RECALL_TEXT_RESPONSES;
    return x->inbound->dialect == DIALECT_ANTHROPIC ? RECALL_TEXT_MESSAGES : RECALL_TEXT_CHAT;
}

static bool is_wanted(const struct exchange *x)
{
    const struct settings_model *m = x->plan.models[x->route.at_model];
    struct str said = http_request_header(x->client, "x-llm-retrieval-tool");

    if (x->fitting.session.len == 0)
        return false;
    if (said.data)
        return str_is_nocase(said, "true");
    return settings_context_rules(x->snapshot->settings, m).retrieval_tool;
}

void recall_offer(struct exchange *x)
{
    x->fitting.recall = (struct recall){
        .is_due = is_wanted(x),
        .messages = x->fitting.condensed,
    };
}

/* What can be asked for in any API can be answered by events, and nothing of it is lost. */
static bool is_streamable(struct exchange *x)
{
    struct inbound_fault cannot = x->cannot;

    x->fitting.recall.is_offered = true; /* as it is read */
    bool is_read = translation_read_chat(x) == DIALECT_OK;

    x->cannot = cannot;
    return is_read;
}

/* The request as it goes out; false when it cannot be made. */
static bool compose(struct exchange *x)
{
    struct recall *r = &x->fitting.recall;
    struct inbound_fault fault = {NULL, NULL};
    const char *message, *param;
    struct str body = recall_text_offer(&x->arena, api_of(x), x->chat.root, r->messages);

    return body.data &&
           chat_request_parse(&x->arena, body, &r->asked, &message, &param) == CHAT_REQUEST_OK &&
           x->inbound->read_request(&x->arena, &r->asked, &fault);
}

bool recall_compose(struct exchange *x)
{
    struct recall *r = &x->fitting.recall;

    if (!r->is_due)
        return true;
    r->is_offered = compose(x) && (r->rounds > 0 || !x->chat.is_stream || is_streamable(x));
    r->is_due = r->rounds > 0 && !r->is_offered; /* there is no way back to a request without */
    return !r->is_due;
}

bool recall_is_in_stream(const struct exchange *x)
{
    return x->fitting.recall.is_offered && x->chat.is_stream;
}

/* ---- a round ---- */

static void ask_next(struct exchange *x);

static void take_result(struct exchange *x, struct str text)
{
    struct recall *r = &x->fitting.recall;

    r->calls.of[r->at++].result = text;
    ask_next(x);
}

/* Nothing that a model could read. */
static bool is_picture(struct exchange *x, struct str block)
{
    const struct json_value *part;
    struct str type;
    size_t at;

    return str_has_prefix(block, "{") && json_parse(&x->arena, block, &part, &at) == JSON_OK &&
           json_string(json_get(part, "type"), &x->arena, &type) &&
           (str_is(type, "image") || str_is(type, "image_url") || str_is(type, "input_image"));
}

static void on_block(void *arg, enum context_client_result result,
                     const struct context_reply *reply, struct str block)
{
    struct exchange *x = arg;
    struct str text = STR(NOT_NOW);

    x->fitting.call = 0;
    if (result == CONTEXT_CLIENT_OK && str_is(reply->outcome, "found")) {
        const char *copy = arena_copy(&x->arena, block);
        text = copy ? (struct str){copy, block.len} : STR(NOT_NOW);
        if (is_picture(x, text))
            text = STR(NO_TEXT);
    } else if (result == CONTEXT_CLIENT_OK && str_has_prefix(reply->message, "not_found")) {
        text = STR(NOT_FOUND);
    }
    take_result(x, text);
}

/* All that it wanted is there: let it go on. */
static void go_on(struct exchange *x)
{
    struct recall *r = &x->fitting.recall;
    struct str messages = recall_text_extend(&x->arena, api_of(x), r->messages, &r->calls);

    if (!messages.data) {
        exchange_refuse(x, REFUSAL_OVERLOADED, NULL, NULL);
        return;
    }
    r->tokens += estimate_text(
        (struct str){messages.data + r->messages.len - 1, messages.len - r->messages.len});
    r->messages = messages;
    r->is_due = r->is_round = true;
    dispatch_same(x);
}

static void ask_next(struct exchange *x)
{
    struct recall *r = &x->fitting.recall;

    while (r->at < r->calls.n) {
        const struct context_request request = {
            .model = x->chat.model,
            .dialect = str_from(x->inbound->conversation),
            .session = x->fitting.session,
            .tenant = x->key ? str_from(x->key->id) : STR_EMPTY,
            .key = r->calls.of[r->at].key,
            .deadline = x->snapshot->settings->context.deadline,
        };
        x->fitting.call = context_client_retrieve(x->worker->context, &request, on_block, x);
        if (x->fitting.call != 0)
            return;
        r->calls.of[r->at++].result = STR(NOT_NOW);
    }
    go_on(x);
}

/* ---- what an answer comes to ---- */

static void begin_round(struct exchange *x)
{
    struct recall *r = &x->fitting.recall;

    r->answers[r->rounds++] = r->calls.answer;
    r->at = 0;
    relay_go_on(&x->relay);
    tried_forget(&x->route.tried, x->target);
    exchange_set_state(x, EXCHANGE_ROUTING);
    exchange_set_state(x, EXCHANGE_FITTING);
    ask_next(x);
}

/* The caller's own tools come first: the model may ask again in its next turn. */
static bool is_round(const struct recall *r)
{
    return r->calls.n > 0 && !r->calls.has_others && !r->calls.is_cut_short &&
           r->rounds < RECALL_TEXT_MAX_ROUNDS;
}

static bool read_answer(struct exchange *x, struct str text)
{
    const struct json_value *answer;
    const char *copy = arena_copy(&x->arena, text);
    size_t at;

    if (!copy || json_parse(&x->arena, (struct str){copy, text.len}, &answer, &at) != JSON_OK)
        return false;
    recall_text_find(&x->arena, api_of(x), answer, &x->fitting.recall.calls);
    return true;
}

static bool start_after_answer(struct exchange *x)
{
    struct recall *r = &x->fitting.recall;

    if (!read_answer(x, attempt_answer(&x->attempt))) {
        exchange_refuse(x, REFUSAL_OVERLOADED, NULL, NULL);
        return true;
    }
    if (is_round(r)) {
        begin_round(x);
        return true;
    }
    struct str all = r->calls.answer->raw;
    struct str left =
        recall_text_close(&x->arena, api_of(x), r->calls.answer, r->answers, r->rounds);
    if (left.data && (left.data == all.data || attempt_set_answer(&x->attempt, left)))
        return false;
    exchange_refuse(x, REFUSAL_OVERLOADED, NULL, NULL);
    return true;
}

/* What was streamed, as a whole answer. */
static bool read_stream(struct exchange *x)
{
    struct arena *scratch = &x->worker->scratch;
    struct inbound_answer described = exchange_describe_answer(x);
    CLEANUP(buf_done) struct buf text;
    struct chat_events events;

    buf_init(&text, MAX_SAID);
    chat_event_list_init(&events, scratch);
    recall_stream_read(&x->relay.recall, &events);
    bool is_read = !events.is_full &&
                   x->inbound->write_answer(&described, events.first, scratch, &text) == BUF_OK &&
                   read_answer(x, buf_str(&text));
    arena_clear(scratch);
    return is_read;
}

static bool start_after_stream(struct exchange *x)
{
    if (!x->relay.recall.is_round)
        return false;
    if (read_stream(x) && is_round(&x->fitting.recall))
        begin_round(x);
    else
        exchange_refuse(x, REFUSAL_OVERLOADED, NULL, NULL);
    return true;
}

bool recall_start(struct exchange *x)
{
    if (!x->fitting.recall.is_offered)
        return false;
    return x->chat.is_stream ? start_after_stream(x) : start_after_answer(x);
}

/* ---- what the caller is told of its request ---- */

const struct chat *recall_hide(struct exchange *x)
{
    if (!x->full || !x->fitting.recall.is_offered)
        return x->full;
    struct chat *chat = arena_alloc(&x->arena, sizeof(*chat));
    struct chat_tool *last = NULL;

    if (!chat)
        return NULL;
    *chat = *x->full;
    chat->tools = NULL;
    for (const struct chat_tool *t = x->full->tools; t; t = t->next) {
        struct chat_tool *copy = arena_alloc(&x->arena, sizeof(*copy));
        if (!copy)
            return NULL;
        *copy = *t;
        copy->next = NULL;
        if (str_is(t->name, RECALL_TEXT_NAME))
            continue;
        if (last)
            last->next = copy;
        else
            chat->tools = copy;
        last = copy;
    }
    return chat;
}
