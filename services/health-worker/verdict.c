#include "verdict.h"

#define SLICE (VERDICT_WINDOW / VERDICT_BUCKETS)

static const char *const result_texts[] = {"ok",       "connect",  "timeout",  "tls",    "auth",
                                           "http_4xx", "http_429", "http_5xx", "invalid"};

const char *verdict_result_text(enum verdict_result r)
{
    return result_texts[r];
}

bool verdict_result_parse(struct str text, enum verdict_result *ret)
{
    for (unsigned r = 0; r < sizeof(result_texts) / sizeof(result_texts[0]); r++) {
        if (str_is(text, result_texts[r])) {
            *ret = (enum verdict_result)r;
            return true;
        }
    }
    return false;
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

static bool is_otherwise_well(const struct verdict *v)
{
    return !v->is_traffic_failing && !v->is_paid_failing;
}

static enum health_state after_success(const struct verdict *v)
{
    if (v->is_doubted)
        return v->state == HEALTH_DOWN || v->state == HEALTH_RECOVERING ? HEALTH_RECOVERING
                                                                        : HEALTH_DEGRADED;
    return is_otherwise_well(v) ? HEALTH_HEALTHY : HEALTH_DEGRADED;
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

static void look_at_traffic(struct verdict *v, usec_t now)
{
    uint32_t all, failed;

    verdict_traffic(v, now, &all, &failed);
    v->is_traffic_failing = all >= VERDICT_MIN_TRAFFIC && failed * 2 >= all;
}

bool verdict_probe(struct verdict *v, enum verdict_result result, usec_t now)
{
    look_at_traffic(v, now); /* it may have ceased */
    if (result == VERDICT_OK) {
        v->failures = 0;
        v->successes++;
        if (v->successes >= VERDICT_HEALTHY_AFTER)
            v->is_doubted = false;
        return set_state(v, after_success(v), now);
    }
    v->successes = 0;
    v->failures++;
    v->reason = result;
    v->is_doubted = true;
    return set_state(v, after_failure(v, result), now);
}

/* What only traffic and paid probes tell: never that it is down. */
static bool reconsider(struct verdict *v, usec_t now)
{
    if (!is_otherwise_well(v) && v->state == HEALTH_HEALTHY)
        return set_state(v, HEALTH_DEGRADED, now);
    if (is_otherwise_well(v) && v->state == HEALTH_DEGRADED && !v->is_doubted)
        return set_state(v, HEALTH_HEALTHY, now);
    return false;
}

bool verdict_paid(struct verdict *v, enum verdict_result result, usec_t now)
{
    v->is_paid_failing = result != VERDICT_OK;
    return reconsider(v, now);
}

bool verdict_is_in_doubt(const struct verdict *v)
{
    if (v->state == HEALTH_RECOVERING)
        return true;
    return v->state == HEALTH_DEGRADED && v->is_doubted &&
           (v->failures == 0 || is_outage(v->reason));
}

unsigned verdict_probes_wanted(const struct verdict *v)
{
    if (v->state == HEALTH_DOWN || v->state == HEALTH_RECOVERING ||
        v->failures >= VERDICT_DOWN_AFTER)
        return 1;
    return VERDICT_DOWN_AFTER - v->failures;
}

const char *verdict_reason(const struct verdict *v)
{
    if (v->failures > 0)
        return verdict_result_text(v->reason);
    if (v->is_traffic_failing)
        return "traffic";
    return v->is_paid_failing ? "paid" : "";
}

void verdict_restore(struct verdict *v, enum health_state state, enum verdict_result reason,
                     uint32_t failures, usec_t now)
{
    *v = (struct verdict){
        .state = state,
        .reason = reason,
        .failures = failures,
        .is_doubted = state == HEALTH_DOWN || state == HEALTH_RECOVERING || failures > 0,
        .since = now,
    };
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

    if (kind == OUTCOME_CANCELLED || kind == OUTCOME_HTTP_4XX)
        return false; /* says nothing about the provider */
    if (b->number != number)
        *b = (struct verdict_bucket){.number = number};
    if (is_failure(kind))
        add_up(&b->failed, count);
    else
        add_up(&b->ok, count);

    look_at_traffic(v, now);
    return reconsider(v, now);
}
