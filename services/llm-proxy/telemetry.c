#include "telemetry.h"

#include "audit_events.h"
#include "base/decimal.h"
#include "base/money.h"
#include "exchange.h"
#include "io/log.h"
#include "io/log_events.h"
#include "proxy_metrics.h"
#include "worker.h"

#define NONE           "none"
#define BUDGET_TELLING (60 * USEC_PER_SEC)

static double seconds(usec_t t)
{
    return (double)t / (double)USEC_PER_SEC;
}

static double usd(int64_t nano)
{
    return (double)nano / (double)MONEY_NANO_PER_USD;
}

static const char *model_label(const struct exchange *x)
{
    return x->plan.asked ? x->plan.asked->name : "other";
}

static const char *provider_label(const struct exchange *x)
{
    return x->attempts > 0 ? x->provider->settings->name : NONE;
}

static const char *backend_label(const struct exchange *x)
{
    return x->attempts > 0 ? catalogue_backend_text(x->provider->settings->backend) : NONE;
}

static const char *key_label(const struct exchange *x)
{
    return x->key ? x->key->id : NONE;
}

static void count_tokens(struct exchange *x, const struct ledger_attempt *a)
{
    struct metrics_shard *s = x->worker->shard;
    const char *provider = provider_label(x), *model = model_label(x);
    const char *source = ledger_entry_source_text(x->entry.usage_source);

    if (a->tokens_in == 0 && a->tokens_out == 0)
        return;
    metrics_count(s, METRIC_llm_tokens_total, (double)a->tokens_in, provider, model, "input",
                  source);
    metrics_count(s, METRIC_llm_tokens_total, (double)a->tokens_out, provider, model, "output",
                  source);
    if (a->tokens_cached > 0)
        metrics_count(s, METRIC_llm_tokens_total, (double)a->tokens_cached, provider, model,
                      "cached", source);
    if (x->relay.has_usage && x->relay.usage.reasoning > 0)
        metrics_count(s, METRIC_llm_tokens_total, (double)x->relay.usage.reasoning, provider, model,
                      "reasoning", source);
}

void telemetry_attempt(struct exchange *x, enum outcome_kind kind, const struct ledger_attempt *a)
{
    struct metrics_shard *s = x->worker->shard;
    const char *provider = provider_label(x), *model = model_label(x);

    metrics_count(s, METRIC_llm_attempts_total, 1, provider, model, outcome_kind_text(kind));
    metrics_sample(s, METRIC_llm_upstream_duration_seconds, seconds(a->duration), provider, model);
    metrics_sample(s, METRIC_worker_pool_task_duration_seconds, seconds(a->duration), provider);
    count_tokens(x, a);
    if (a->cost_nano != MONEY_UNKNOWN)
        metrics_count(s, METRIC_llm_cost_total, usd(a->cost_nano), provider, model);
    outcomes_add(x->worker->outcomes, x->provider->upstream, kind, a->http_status, a->duration);
}

static void count_stream(struct exchange *x, const char *status)
{
    struct metrics_shard *s = x->worker->shard;
    const struct relay *r = &x->relay;
    int64_t tokens = x->entry.tokens_out;

    metrics_count(s, METRIC_llm_streaming_requests_total, 1, model_label(x), status);
    metrics_sample(s, METRIC_llm_streaming_duration_seconds, seconds(x->entry.duration),
                   model_label(x));
    if (tokens > 1 && r->last_token_at > r->first_token_at)
        metrics_sample(s, METRIC_llm_time_per_output_token_seconds,
                       seconds(r->last_token_at - r->first_token_at) / (double)(tokens - 1),
                       model_label(x), provider_label(x));
}

static void count_request(struct exchange *x)
{
    struct metrics_shard *s = x->worker->shard;
    const struct ledger_entry *e = &x->entry;
    const char *status = ledger_entry_status_text(e->status);

    metrics_count(s, METRIC_llm_requests_total, 1, model_label(x), provider_label(x),
                  backend_label(x), plan_complexity(&x->plan), status);
    metrics_sample(s, METRIC_llm_request_duration_seconds, seconds(e->duration), model_label(x),
                   provider_label(x), backend_label(x));
    metrics_count(s, METRIC_api_key_requests_total, 1, key_label(x), status);
    if (e->ttft != USEC_INFINITY)
        metrics_sample(s, METRIC_llm_time_to_first_token_seconds, seconds(e->ttft), model_label(x),
                       provider_label(x));
    if (x->attempts > 0 && e->duration >= x->upstream_time)
        metrics_sample(s, METRIC_llm_overhead_seconds, seconds(e->duration - x->upstream_time));
    else if (x->lookup.answer) /* short enough to pass within one turn, whose time stands still */
        metrics_sample(s, METRIC_llm_overhead_seconds, seconds(clock_now() - x->accepted_at));
    if (e->cost_nano == MONEY_UNKNOWN)
        metrics_count(s, METRIC_llm_unpriced_requests_total, 1, model_label(x));
    else
        metrics_count(s, METRIC_api_key_cost_total, usd(e->cost_nano), key_label(x));
    if (x->chat.is_stream)
        count_stream(x, status);
}

struct numbers {
    char status[DECIMAL_SIZE], tokens_in[DECIMAL_SIZE], tokens_out[DECIMAL_SIZE],
        attempts[DECIMAL_SIZE], cost[32], duration[32], ttft[32];
};

static const char *count_text(char *to, int64_t n)
{
    if (n == LEDGER_ENTRY_NO_COUNT)
        return NULL;
    decimal_i64(n, to);
    return to;
}

static const char *ms_text(char *to, usec_t t)
{
    if (t == USEC_INFINITY)
        return NULL;
    size_t len = decimal_u64(t / USEC_PER_MSEC, to);
    to[len] = '.';
    decimal_padded(t % USEC_PER_MSEC, 3, to + len + 1);
    return to;
}

static const char *cost_text(char *to, int64_t nano)
{
    if (nano == MONEY_UNKNOWN)
        return NULL;
    money_format(nano, to);
    return to;
}

static void log_request(struct exchange *x)
{
    const struct ledger_entry *e = &x->entry;
    const char *status = ledger_entry_status_text(e->status);
    struct numbers t;

    if (!log_is_on(LOG_LEVEL_INFO))
        return;
    decimal_i64(x->http_status, t.status);
    decimal_u64(x->attempts, t.attempts);
    const struct log_field fields[] = {
        {"LLM_REQUEST_ID", x->request_id},
        {"LLM_KEY_ID", x->key ? x->key->id : NULL},
        {"LLM_MODEL", x->plan.asked ? model_label(x) : NULL},
        {"LLM_COMPLEXITY", x->plan.is_scored ? plan_complexity(&x->plan) : NULL},
        {"LLM_PROVIDER", x->attempts > 0 ? provider_label(x) : NULL},
        {"LLM_STATUS", t.status},
        {"LLM_OUTCOME", status},
        {"LLM_ERROR", x->error_code},
        {"LLM_TOKENS_IN", count_text(t.tokens_in, e->tokens_in)},
        {"LLM_TOKENS_OUT", count_text(t.tokens_out, e->tokens_out)},
        {"LLM_COST_USD", cost_text(t.cost, e->cost_nano)},
        {"LLM_DURATION_MS", ms_text(t.duration, e->duration)},
        {"LLM_TTFT_MS", ms_text(t.ttft, e->ttft)},
        {"LLM_ATTEMPTS", t.attempts},
        {"LLM_CACHE", lookup_source_text(x->lookup.source)},
        {NULL, NULL},
    };
    log_write(LOG_LEVEL_INFO, fields, "%s %s: %s", x->inbound->route, model_label(x), status);
}

/* One of too many wrong keys: they are counted, and nobody's disk is filled with them. */
static bool is_noise(const struct exchange *x)
{
    return !x->key && x->http_status == 429;
}

void telemetry_request(struct exchange *x)
{
    count_request(x);
    if (!is_noise(x))
        log_request(x);
    audit_events_request(x);
}

void telemetry_limit_hit(struct exchange *x, const char *limit)
{
    metrics_count(x->worker->shard, METRIC_api_key_rate_limit_hits_total, 1, key_label(x), limit);
    audit_events_limit(x, limit);
}

/* The event is told at most once a minute and key: who meets the end of his budget goes on asking.
 */
static void tell_budget(struct exchange *x)
{
    const struct log_field fields[] = {{"MESSAGE_ID", LOG_EVENT_BUDGET_EXHAUSTED},
                                       {"LLM_REQUEST_ID", x->request_id},
                                       {"LLM_KEY_ID", key_label(x)},
                                       {NULL, NULL}};
    usec_t now = loop_now(x->worker->loop);
    usec_t before = atomic_load(&x->key->usage->told_at);

    if (before > 0 && now < before + BUDGET_TELLING)
        return;
    if (atomic_compare_exchange_strong(&x->key->usage->told_at, &before, now))
        log_write(LOG_LEVEL_WARNING, fields, "key %s: %s", x->key->id, reserve_text(x));
}

void telemetry_budget_hit(struct exchange *x)
{
    telemetry_limit_hit(x, x->reserve.short_owner > 0 ? "team_budget" : "budget");
    tell_budget(x);
}

void telemetry_routing(struct exchange *x, usec_t took)
{
    metrics_sample(x->worker->shard, METRIC_routing_latency_seconds, seconds(took));
}

void telemetry_selection(struct exchange *x, const struct snapshot_provider *chosen)
{
    const struct settings_model *m = x->plan.models[x->route.at_model];

    metrics_count(x->worker->shard, METRIC_model_router_selections_total, 1, m->name,
                  chosen->settings->name, catalogue_strategy_text(m->strategy),
                  plan_complexity(&x->plan));
}

void telemetry_fallback(struct exchange *x, const struct snapshot_provider *before)
{
    metrics_count(x->worker->shard, METRIC_llm_fallbacks_total, 1, before->settings->name,
                  x->provider->settings->name);
}

void telemetry_retry(struct exchange *x, enum outcome_kind reason)
{
    metrics_count(x->worker->shard, METRIC_llm_retries_total, 1, x->provider->settings->name,
                  outcome_kind_text(reason));
}

void telemetry_queue_wait(struct exchange *x, const struct snapshot_provider *pool, usec_t wait)
{
    metrics_sample(x->worker->shard, METRIC_worker_pool_queue_wait_seconds, seconds(wait),
                   pool->settings->name);
}

static void count_layers(struct exchange *x, enum cache_layer first_hit)
{
    static const char *const names[CACHE_LAYERS] = {"L1", "L2"};
    struct metrics_shard *s = x->worker->shard;

    for (enum cache_layer l = CACHE_L1; l < first_hit; l++)
        if (cache_has_layer(x->worker->cache, l))
            metrics_count(s, METRIC_tiered_cache_misses_total, 1, names[l]);
    if (first_hit < CACHE_LAYERS)
        metrics_count(s, METRIC_tiered_cache_hits_total, 1, names[first_hit]);
}

void telemetry_cache_hit(struct exchange *x)
{
    struct metrics_shard *s = x->worker->shard;
    int64_t saved = x->lookup.answer->cost_nano;

    count_layers(x, x->lookup.source == LOOKUP_L1 ? CACHE_L1 : CACHE_L2);
    metrics_count(s, METRIC_cache_hits_total, 1);
    if (saved != MONEY_UNKNOWN)
        metrics_count(s, METRIC_cache_cost_savings_total, usd(saved));
}

void telemetry_cache_miss(struct exchange *x)
{
    count_layers(x, CACHE_LAYERS);
    metrics_count(x->worker->shard, METRIC_cache_misses_total, 1);
}

void telemetry_breaker_opened(struct exchange *x, enum standing_obstacle obstacle)
{
    const struct log_field fields[] = {
        {"MESSAGE_ID", LOG_EVENT_BREAKER_OPENED},
        {"LLM_REQUEST_ID", x->request_id},
        {"LLM_PROVIDER", x->provider->settings->name},
        {NULL, NULL},
    };

    log_write(LOG_LEVEL_WARNING, fields, "%s/%s %s", x->provider->settings->name, x->target_model,
              standing_obstacle_text(obstacle));
}
