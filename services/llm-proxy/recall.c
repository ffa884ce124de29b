#include "recall.h"

#include "dispatch.h"
#include "exchange.h"
#include "worker.h"

#define NOT_FOUND "There is no such block, or no longer."
#define NOT_NOW   "It cannot be had at the moment."
#define NO_TEXT   "It is a picture, which cannot be shown again."

static bool is_wanted(const struct exchange *x)
{
    const struct settings_model *m = x->plan.models[x->route.at_model];
    struct str said = http_request_header(x->client, "x-llm-retrieval-tool");

    if (x->chat.is_stream || x->fitting.session.len == 0 || !json_get(x->chat.root, "messages"))
        return false;
    if (said.data)
        return str_is_nocase(said, "true");
    return settings_context_rules(x->snapshot->settings, m).retrieval_tool;
}

/* The request as it goes out; false when it cannot be made. */
static bool compose(struct exchange *x, struct str messages)
{
    struct recall *r = &x->fitting.recall;
    struct inbound_fault fault = {NULL, NULL};
    const char *message, *param;
    struct chat_request asked;
    struct str body = recall_text_offer(&x->arena, x->inbound->dialect, x->chat.root, messages);

    if (!body.data ||
        chat_request_parse(&x->arena, body, &asked, &message, &param) != CHAT_REQUEST_OK ||
        !x->inbound->read_request(&x->arena, &asked, &fault))
        return false;
    r->asked = asked;
    r->messages = messages;
    r->is_offered = true;
    return true;
}

void recall_offer(struct exchange *x)
{
    x->fitting.recall = (struct recall){.is_offered = false};
    if (is_wanted(x) && !compose(x, x->fitting.condensed))
        x->fitting.recall.is_offered = false;
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
    struct str messages =
        recall_text_extend(&x->arena, x->inbound->dialect, r->messages, r->answer, &r->calls);

    if (!messages.data || !compose(x, messages)) {
        exchange_refuse(x, REFUSAL_OVERLOADED, NULL, NULL);
        return;
    }
    r->is_round = true;
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

/* What the books know of this attempt does not count for the next one. */
static void forget_answer(struct exchange *x)
{
    x->relay.has_content = false;
    x->relay.content_tokens = 0;
    x->relay.first_token_at = x->relay.last_token_at = 0;
}

static void strip(struct exchange *x)
{
    struct str left = recall_text_strip(&x->arena, x->inbound->dialect, x->fitting.recall.answer);

    if (left.data && !attempt_set_answer(&x->attempt, left))
        return; /* as large as it was: it cannot be full */
}

bool recall_start(struct exchange *x)
{
    struct recall *r = &x->fitting.recall;
    struct str text = attempt_answer(&x->attempt);
    const char *copy;
    size_t at;

    if (!r->is_offered || !(copy = arena_copy(&x->arena, text)) ||
        json_parse(&x->arena, (struct str){copy, text.len}, &r->answer, &at) != JSON_OK)
        return false;
    recall_text_find(&x->arena, x->inbound->dialect, r->answer, &r->calls);
    if (r->calls.n == 0)
        return false;
    if (r->calls.has_others || r->rounds == RECALL_MAX_ROUNDS) {
        strip(x); /* the caller's own tools come first: it may ask again in its next turn */
        return false;
    }
    r->rounds++;
    r->at = 0;
    forget_answer(x);
    exchange_set_state(x, EXCHANGE_ROUTING);
    exchange_set_state(x, EXCHANGE_FITTING);
    ask_next(x);
    return true;
}
