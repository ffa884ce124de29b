#include "verdict.h"

#define SLICE (VERDICT_WINDOW / VERDICT_BUCKETS)

const char *verdict_result_text(enum verdict_result r)
{
    static const char *const text[] = {"ok",       "connect",  "timeout",  "tls",    "auth",
                                       "http_4xx", "http_429", "http_5xx", "invalid"};

    return text[r];
}

static bool set_state(struct verdict *v, enum health_state state, usec_t now)
{
    if (v->state == state)
        return false;
    v->state = state;
    v->since = now;
    return true;
}

/* The provider is there and answers; it is the request that it does not like. */
static bool is_outage(enum verdict_result r)
{
    switch (r) {
    case VERDICT_CONNECT:
    case VERDICT_TIMEOUT:
    case VERDICT_TLS:
    case VERDICT_HTTP_5XX:
    case VERDICT_INVALID:
        return true;
    case VERDICT_OK:
    case VERDICT_AUTH:
    case VERDICT_HTTP_4XX:
    case VERDICT_HTTP_429:
        return false;
    }
    return false;
}

static enum health_state after_success(const struct verdict *v)
{
    if ((v->state == HEALTH_DOWN || v->state == HEALTH_RECOVERING) &&
        v->successes < VERDICT_HEALTHY_AFTER)
        return HEALTH_RECOVERING;
    return v->is_traffic_failing ? HEALTH_DEGRADED : HEALTH_HEALTHY;
}

static enum health_state after_failure(const struct verdict *v, enum verdict_result result)
{
    if (!is_outage(result))
        return HEALTH_DEGRADED;
    if (v->failures >= VERDICT_DOWN_AFTER || v->state == HEALTH_DOWN ||
        v->state == HEALTH_RECOVERING)
        return HEALTH_DOWN;
    return HEALTH_DEGRADED;
}

bool verdict_probe(struct verdict *v, enum verdict_result result, usec_t now)
{
    if (result == VERDICT_OK) {
        v->failures = 0;
        v->successes++;
        return set_state(v, after_success(v), now);
    }
    v->successes = 0;
    v->failures++;
    v->reason = result;
    return set_state(v, after_failure(v, result), now);
}

bool verdict_is_in_doubt(const struct verdict *v)
{
    return v->state == HEALTH_RECOVERING ||
           (v->state == HEALTH_DEGRADED && v->failures > 0 && is_outage(v->reason));
}

static bool is_failure(enum outcome_kind kind)
{
    switch (kind) {
    case OUTCOME_CONNECT:
    case OUTCOME_TIMEOUT:
    case OUTCOME_HTTP_429:
    case OUTCOME_HTTP_5XX:
    case OUTCOME_INVALID:
    case OUTCOME_TRUNCATED:
        return true;
    case OUTCOME_OK:
    case OUTCOME_HTTP_4XX:
    case OUTCOME_CANCELLED:
        return false;
    }
    return false;
}

void verdict_traffic(const struct verdict *v, usec_t now, uint32_t *ret_all, uint32_t *ret_failed)
{
    uint64_t current = now / SLICE;

    *ret_all = *ret_failed = 0;
    for (unsigned i = 0; i < VERDICT_BUCKETS; i++) {
        const struct verdict_bucket *b = &v->traffic[i];
        if (b->number + VERDICT_BUCKETS <= current)
            continue;
        *ret_all += b->ok + b->failed;
        *ret_failed += b->failed;
    }
}

/* A lying peer cannot wrap the sums of a window. */
static void add_up(uint32_t *sum, uint32_t count)
{
    const uint32_t most = UINT32_MAX / (4 * VERDICT_BUCKETS);

    *sum = count < most - *sum ? *sum + count : most;
}

bool verdict_outcome(struct verdict *v, enum outcome_kind kind, uint32_t count, usec_t now)
{
    uint64_t number = now / SLICE;
    struct verdict_bucket *b = &v->traffic[number % VERDICT_BUCKETS];
    uint32_t all, failed;

    if (kind == OUTCOME_CANCELLED || kind == OUTCOME_HTTP_4XX)
        return false; /* says nothing about the provider */
    if (b->number != number)
        *b = (struct verdict_bucket){.number = number};
    if (is_failure(kind))
        add_up(&b->failed, count);
    else
        add_up(&b->ok, count);

    verdict_traffic(v, now, &all, &failed);
    v->is_traffic_failing = all >= VERDICT_MIN_TRAFFIC && failed * 2 >= all;
    if (v->is_traffic_failing && v->state == HEALTH_HEALTHY)
        return set_state(v, HEALTH_DEGRADED, now);
    if (!v->is_traffic_failing && v->state == HEALTH_DEGRADED && v->failures == 0)
        return set_state(v, HEALTH_HEALTHY, now);
    return false;
}
