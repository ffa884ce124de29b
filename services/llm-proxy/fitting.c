#include "fitting.h"

#include "base/json.h"
#include "dispatch.h"
#include "exchange.h"
#include "provider_error.h"
#include "tokens/estimate.h"
#include "window_words.h"
#include "worker.h"

#include <inttypes.h>

#define AMPLE 3 /* times: what even odd text is not further from its estimate */

static const struct settings_model *model_of(const struct exchange *x)
{
    return x->plan.models[x->route.at_model];
}

static uint64_t output_of(const struct exchange *x)
{
    return x->chat.max_tokens > 0 ? (uint64_t)x->chat.max_tokens : 0;
}

/* What a prompt may have. */
static uint64_t budget_of(const struct exchange *x, const struct settings_model *m)
{
    return window_words_room(m->context_window, output_of(x));
}

/* The request without its messages, whatever the API calls them; with them when memory is short. */
static struct json_value leave_messages_out(struct exchange *x)
{
    struct json_value rest = *x->chat.root;
    const struct json_value **last = &rest.child;

    rest.child = NULL;
    for (const struct json_value *m = x->chat.root->child; m; m = m->next) {
        struct json_value *copy = arena_alloc(&x->arena, sizeof(*copy));
        if (!copy)
            return *x->chat.root;
        *copy = *m;
        copy->next = NULL;
        if (m == x->chat.messages && !str_is(m->key, "messages")) /* which is known there */
            continue;
        *last = copy;
        last = &copy->next;
    }
    return rest;
}

/* What the messages may have: tools and all the rest of the request stay as they are. */
static uint64_t messages_share(struct exchange *x, uint64_t budget)
{
    struct json_value beside = leave_messages_out(x);
    uint64_t rest = estimate_beside_messages(&beside);

    return rest < budget ? budget - rest : 0;
}

/* The caller may choose per request; the configuration is the default. */
static struct settings_context_rules rules_of(const struct exchange *x,
                                              const struct settings_model *m)
{
    struct settings_context_rules rules = settings_context_rules(x->snapshot->settings, m);
    struct str wanted = http_request_header(x->client, "x-llm-context");

    for (int mode = CONTEXT_OFF; wanted.data && mode <= CONTEXT_SUMMARIZE; mode++)
        if (str_is(wanted, catalogue_context_mode_text(mode)))
            rules.mode = mode;
    return rules;
}

static bool can_condense(const struct exchange *x, const struct settings_context_rules *rules)
{
    return rules->mode != CONTEXT_OFF && x->chat.messages && x->inbound->conversation;
}

bool fitting_is_close(const struct exchange *x, const struct settings_model *m)
{
    double tokens = (double)x->chat.prompt_tokens, budget = (double)budget_of(x, m);

    if (m->context_window == 0 || tokens > budget * AMPLE)
        return false;
    struct settings_context_rules rules = rules_of(x, m);
    return can_condense(x, &rules) && tokens * AMPLE > budget * rules.high_water;
}

/* ---- what becomes of an answer ---- */

static bool fits_as_it_is(const struct exchange *x)
{
    return x->chat.prompt_tokens <= budget_of(x, model_of(x));
}

static void refuse_too_long(struct exchange *x, uint64_t tokens)
{
    const char *message =
        arena_printf(&x->arena,
                     "The conversation has about %" PRIu64
                     " tokens and cannot be made to fit the %" PRIu64 " that '%s' leaves for it.",
                     tokens, budget_of(x, model_of(x)), model_of(x)->name);

    exchange_refuse(x, REFUSAL_CONTEXT_LENGTH_EXCEEDED, message,
                    arena_copy(&x->arena, x->chat.messages->key));
}

static void refuse_without_service(struct exchange *x)
{
    exchange_refuse(x, REFUSAL_OVERLOADED,
                    "The conversation is too long and context-service does not answer.", NULL);
}

/* Below the window it may go as it is; above, on_failure says: the provider may still take it, or
 * the caller is told. */
static bool may_go_without(const struct exchange *x)
{
    return fits_as_it_is(x) || x->snapshot->settings->context.on_failure == ON_FAILURE_FORWARD;
}

static void go_on_without(struct exchange *x)
{
    if (x->fitting.is_less)
        exchange_relay_refusal(x, &x->fitting.refusal);
    else if (may_go_without(x))
        exchange_route(x);
    else
        refuse_without_service(x);
}

/* False when there is no room for the condensed messages. */
static bool take_messages(struct exchange *x, const struct context_reply *reply,
                          struct str messages)
{
    const char *copy = arena_copy(&x->arena, messages);
    const char *session = arena_copy(&x->arena, reply->session);

    if (!copy || !session)
        return false;
    x->fitting.condensed = (struct str){copy, messages.len};
    x->fitting.tokens_before = reply->tokens_before;
    x->fitting.tokens_after = reply->tokens_after;
    x->fitting.session = (struct str){session, reply->session.len};
    x->fitting.epoch = reply->epoch;
    recall_offer(x);
    return true;
}

static void on_answer(void *arg, enum context_client_result result,
                      const struct context_reply *reply, struct str messages)
{
    struct exchange *x = arg;

    x->fitting.call = 0;
    if (result != CONTEXT_CLIENT_OK || str_is(reply->outcome, "error")) {
        go_on_without(x);
        return;
    }
    if (str_is(reply->outcome, "too_large") && !x->fitting.is_less) {
        if (!dispatch_larger(x))
            refuse_too_long(x, reply->tokens_before);
        return;
    }
    if (messages.len > 0 && !take_messages(x, reply, messages)) {
        go_on_without(x);
        return;
    }
    if (!x->fitting.is_less)
        exchange_route(x);
    else if (messages.len > 0)
        dispatch_same(x);
    else
        go_on_without(x); /* it cannot be made shorter */
}

/* ---- questions ---- */

static bool ask(struct exchange *x, const struct settings_context_rules *rules, uint64_t budget)
{
    const struct settings *s = x->snapshot->settings;
    bool may_summarize = rules->mode == CONTEXT_SUMMARIZE && s->context.summarize.url;
    struct context_request request = {
        .model = str_from(model_of(x)->name),
        .dialect = str_from(x->inbound->conversation),
        .mode = str_from(catalogue_context_mode_text(rules->mode)),
        .session = http_request_header(x->client, "x-llm-session"),
        .tenant = x->key ? str_from(x->key->id) : STR_EMPTY,
        .budget_tokens = messages_share(x, budget),
        .high_water = rules->high_water,
        .low_water = rules->low_water,
        .keep_last = rules->keep_last,
        .deadline = s->context.deadline + (may_summarize ? s->context.summarize.timeout : 0),
    };

    x->fitting.call =
        context_client_condense(x->worker->context, &request, x->chat.messages->raw, on_answer, x);
    return x->fitting.call != 0;
}

bool fitting_start(struct exchange *x, const struct settings_model *m)
{
    struct settings_context_rules rules = rules_of(x, m);
    uint64_t budget = budget_of(x, m);

    x->fitting =
        (struct fitting){.condensed = STR_EMPTY, .has_tried_less = x->fitting.has_tried_less};
    if (!can_condense(x, &rules) || m->context_window == 0 ||
        (double)x->chat.prompt_tokens <= (double)budget * rules.high_water)
        return false;
    if (ask(x, &rules, budget))
        return true;
    if (may_go_without(x))
        return false;
    refuse_without_service(x);
    return true;
}

uint64_t fitting_prompt_tokens(const struct exchange *x)
{
    const struct fitting *f = &x->fitting;
    uint64_t saved = f->tokens_before > f->tokens_after ? f->tokens_before - f->tokens_after : 0;

    return f->recall.tokens +
           (saved < x->chat.prompt_tokens ? x->chat.prompt_tokens - saved : f->tokens_after);
}

/* How far it has to shrink, by what the provider says of its window. */
static uint64_t lesser_budget(struct exchange *x, const struct attempt_end *end)
{
    struct window_words words = {.limit = 0};
    const struct json_value *body;
    size_t at;

    if (json_parse(&x->arena, end->body, &body, &at) == JSON_OK)
        words = window_words_read(provider_error_message(&x->arena, body));
    if (words.limit == 0)
        words.limit = end->failure.blame == FAILURE_OF_WINDOW ? model_of(x)->context_window : 0;
    const struct window_fit fit = {fitting_prompt_tokens(x), output_of(x)};

    return window_words_budget(&words, &fit);
}

bool fitting_start_less(struct exchange *x, const struct attempt_end *end)
{
    struct settings_context_rules rules = rules_of(x, model_of(x));

    if (x->fitting.has_tried_less || !can_condense(x, &rules))
        return false;
    uint64_t budget = lesser_budget(x, end);
    if (messages_share(x, budget) == 0)
        return false;
    x->fitting.has_tried_less = x->fitting.is_less = true;
    x->fitting.refusal = *end;
    if (!ask(x, &rules, budget)) {
        x->fitting.is_less = false;
        return false;
    }
    return true;
}

void fitting_cancel(struct exchange *x)
{
    if (x->fitting.call != 0)
        context_client_cancel(x->worker->context, x->fitting.call);
    x->fitting.call = 0;
}
