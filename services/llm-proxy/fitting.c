#include "fitting.h"

#include "dispatch.h"
#include "exchange.h"
#include "tokens/estimate.h"
#include "worker.h"

#include <inttypes.h>

#define DEFAULT_OUTPUT 4096 /* tokens left for the answer when nobody says how many */

/* What a prompt may have: the window less the room for the answer. */
static uint64_t budget_of(const struct exchange *x, const struct settings_model *m)
{
    uint64_t window = m->context_window;
    uint64_t output = x->chat.max_tokens > 0 ? (uint64_t)x->chat.max_tokens : DEFAULT_OUTPUT;

    if (x->chat.max_tokens == 0 && output > window / 4)
        output = window / 4;
    return output < window ? window - output : 0;
}

/* What the messages may have: tools and all the rest of the request stay as they are. */
static uint64_t messages_budget(const struct exchange *x, const struct settings_model *m)
{
    uint64_t rest = estimate_request(x->chat.root) - estimate_messages(x->chat.messages);
    uint64_t budget = budget_of(x, m);

    return rest < budget ? budget - rest : 0;
}

/* The caller may choose per request; the configuration is the default. */
static enum settings_context_mode mode_of(const struct exchange *x)
{
    struct str wanted = http_request_header(x->client, "x-llm-context");

    for (int m = CONTEXT_OFF; wanted.data && m <= CONTEXT_SUMMARIZE; m++)
        if (str_is(wanted, catalogue_context_mode_text(m)))
            return m;
    return x->snapshot->settings->context.mode;
}

static void refuse_too_long(struct exchange *x, const struct settings_model *m, uint64_t tokens)
{
    const char *message =
        arena_printf(&x->arena,
                     "The conversation has about %" PRIu64
                     " tokens and cannot be made to fit the %" PRIu64 " that '%s' leaves for it.",
                     tokens, budget_of(x, m), m->name);

    exchange_refuse(x, REFUSAL_CONTEXT_LENGTH_EXCEEDED, message, "messages");
}

/* on_failure: the provider may still take it, or the caller is told. */
static void go_on_without(struct exchange *x)
{
    if (x->snapshot->settings->context.on_failure == ON_FAILURE_FORWARD)
        exchange_route(x);
    else
        exchange_refuse(x, REFUSAL_OVERLOADED,
                        "The conversation is too long and context-service does not answer.", NULL);
}

static void on_answer(void *arg, enum context_client_result result,
                      const struct context_reply *reply, struct str messages)
{
    struct exchange *x = arg;
    const struct settings_model *m = x->plan.models[x->route.at_model];

    x->context_call = 0;
    if (result != CONTEXT_CLIENT_OK || str_is(reply->outcome, "error")) {
        go_on_without(x);
        return;
    }
    if (str_is(reply->outcome, "too_large")) {
        if (!dispatch_larger(x))
            refuse_too_long(x, m, reply->tokens_before);
        return;
    }
    if (messages.len > 0) {
        const char *copy = arena_copy(&x->arena, messages);
        if (!copy) {
            go_on_without(x);
            return;
        }
        x->condensed = (struct str){copy, messages.len};
        x->tokens_before = reply->tokens_before;
        x->tokens_after = reply->tokens_after;
    }
    exchange_route(x);
}

bool fitting_start(struct exchange *x, const struct settings_model *m)
{
    const struct settings *s = x->snapshot->settings;
    enum settings_context_mode mode = mode_of(x);

    x->condensed = STR_EMPTY;
    x->tokens_before = x->tokens_after = 0;
    if (mode == CONTEXT_OFF || m->context_window == 0 || !x->chat.messages ||
        x->chat.prompt_tokens <= budget_of(x, m))
        return false;

    struct context_request request = {
        .model = str_from(m->name),
        .dialect = str_from(catalogue_dialect_text(x->inbound->dialect)),
        .mode = str_from(catalogue_context_mode_text(mode)),
        .session = http_request_header(x->client, "x-llm-session"),
        .tenant = x->key ? str_from(x->key->id) : STR_EMPTY,
        .budget_tokens = messages_budget(x, m),
        .keep_last = s->context.keep_last,
        .deadline = s->context.deadline,
    };
    x->context_call =
        context_client_condense(x->worker->context, &request, x->chat.messages->raw, on_answer, x);
    if (x->context_call != 0)
        return true;
    if (s->context.on_failure == ON_FAILURE_FORWARD)
        return false;
    exchange_refuse(x, REFUSAL_OVERLOADED,
                    "The conversation is too long and context-service does not answer.", NULL);
    return true;
}

void fitting_cancel(struct exchange *x)
{
    if (x->context_call != 0)
        context_client_cancel(x->worker->context, x->context_call);
    x->context_call = 0;
}
