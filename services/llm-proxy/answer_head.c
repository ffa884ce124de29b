#include "answer_head.h"

#include "allowance.h"
#include "base/decimal.h"
#include "base/money.h"
#include "exchange.h"

#include <inttypes.h>

static size_t add(struct http_header *h, size_t n, const char *name, const char *value)
{
    if (!value || n == ANSWER_HEAD_MAX)
        return n;
    h[n] = (struct http_header){str_from(name), str_from(value)};
    return n + 1;
}

static const char *attempts_text(struct exchange *x)
{
    char text[DECIMAL_SIZE];

    return arena_copy(&x->arena, (struct str){text, decimal_u64(x->attempts, text)});
}

static const char *context_text(struct exchange *x)
{
    if (x->fitting.condensed.len == 0)
        return "none";
    return arena_printf(&x->arena, "%" PRIu64 "->%" PRIu64 " tokens", x->fitting.tokens_before,
                        x->fitting.tokens_after);
}

size_t answer_head_write(struct exchange *x, const char *content_type,
                         struct http_header *ret_headers)
{
    size_t n = 0;

    n = add(ret_headers, n, "content-type", content_type);
    if (x->chat.is_stream)
        n = add(ret_headers, n, "cache-control", "no-cache");
    n = add(ret_headers, n, "x-request-id", x->request_id);
    if (x->inbound->id_header)
        n = add(ret_headers, n, x->inbound->id_header, x->request_id);
    if (x->plan.n_models > 0)
        n = add(ret_headers, n, "x-llm-model", x->plan.models[x->route.at_model]->name);
    if (x->plan.n_models > 0)
        n = add(ret_headers, n, "x-llm-cache", lookup_source_text(x->lookup.source));
    if (x->plan.is_scored)
        n = add(ret_headers, n, "x-llm-complexity", plan_complexity(&x->plan));
    if (x->attempts > 0) {
        n = add(ret_headers, n, "x-llm-provider", x->provider->settings->name);
        n = add(ret_headers, n, "x-llm-backend",
                catalogue_backend_text(x->provider->settings->backend));
        n = add(ret_headers, n, "x-llm-attempts", attempts_text(x));
        n = add(ret_headers, n, "x-llm-context", context_text(x));
    }
    return allowance_add_headers(x, ret_headers, n);
}

size_t answer_head_add_cost(struct exchange *x, struct http_header *ret_headers, size_t n)
{
    char text[32];

    if (x->entry.cost_nano == MONEY_UNKNOWN)
        return n;
    money_format(x->entry.cost_nano, text);
    return add(ret_headers, n, "x-llm-cost-usd", arena_copy(&x->arena, str_from(text)));
}
