#include "admission.h"

#include "answer_head.h"
#include "exchange.h"
#include "keycheck.h"
#include "telemetry.h"
#include "worker.h"

#include <inttypes.h>

#define PER_MINUTE (60 * USEC_PER_SEC)

struct limits {
    struct ratelimit_rate rpm, tpm;
    uint64_t parallel;
};

static uint64_t or_default(uint64_t of_key, uint64_t of_all)
{
    return of_key == KEYRING_DEFAULT ? of_all : of_key;
}

static struct limits limits_of(const struct exchange *x)
{
    const struct settings *s = x->snapshot->settings;

    return (struct limits){
        .rpm = {or_default(x->key->limits.rpm, s->default_limits.rpm), PER_MINUTE},
        .tpm = {or_default(x->key->limits.tpm, s->default_limits.tpm), PER_MINUTE},
        .parallel = or_default(x->key->limits.parallel, s->default_limits.parallel),
    };
}

static bool take_slot(struct exchange *x, uint64_t limit)
{
    uint64_t before = atomic_fetch_add(&x->key->usage->parallel, 1);

    if (limit > 0 && before >= limit) {
        atomic_fetch_sub(&x->key->usage->parallel, 1);
        return false;
    }
    x->holds_slot = true;
    return true;
}

static void refuse_limit(struct exchange *x, const char *limit, const char *message, usec_t wait)
{
    telemetry_limit_hit(x, limit);
    x->retry_after = wait;
    exchange_refuse(x, REFUSAL_RATE_LIMIT_EXCEEDED, message, NULL);
}

static bool check_limits(struct exchange *x)
{
    usec_t now = loop_now(x->worker->loop), wait;

    if (!x->key)
        return true;
    struct limits l = limits_of(x);
    struct keyring_usage *u = x->key->usage;
    if (!take_slot(x, l.parallel)) {
        refuse_limit(x, "parallel", "Too many requests of this API key are under way.",
                     USEC_PER_SEC);
        return false;
    }
    wait = ratelimit_take(&u->rpm, l.rpm, 1, now);
    if (wait > 0) {
        refuse_limit(x, "rpm", "The requests per minute of this API key are used up.", wait);
        return false;
    }
    wait = ratelimit_take(&u->tpm, l.tpm, x->chat.prompt_tokens, now);
    if (wait > 0) {
        ratelimit_charge(&u->rpm, l.rpm, -1, now);
        refuse_limit(x, "tpm", "The tokens per minute of this API key are used up.", wait);
        return false;
    }
    x->tokens_charged = x->chat.prompt_tokens;
    return true;
}

static bool check_key(struct exchange *x)
{
    enum keycheck_result r = keycheck_find(x->worker, x->client, &x->key);

    if (r == KEYCHECK_OK)
        return true;
    exchange_refuse(x, REFUSAL_INVALID_API_KEY, keycheck_text(r), NULL);
    return false;
}

static bool check_body(struct exchange *x)
{
    struct inbound_fault fault = {NULL, NULL};

    switch (chat_request_parse(&x->arena, http_request_body(x->client), &x->chat, &fault.message,
                               &fault.param)) {
    case CHAT_REQUEST_OK:
        break;
    case CHAT_REQUEST_NOT_JSON:
        exchange_refuse(x, REFUSAL_INVALID_JSON, fault.message, fault.param);
        return false;
    case CHAT_REQUEST_INVALID:
        exchange_refuse(x, REFUSAL_INVALID_REQUEST, fault.message, fault.param);
        return false;
    }
    if (x->inbound->read_request(&x->arena, &x->chat, &fault))
        return true;
    exchange_refuse(x, REFUSAL_INVALID_REQUEST, fault.message, fault.param);
    return false;
}

static const struct settings_model *check_model(struct exchange *x)
{
    const struct settings_model *m = snapshot_find_model(x->snapshot, x->chat.model);

    if (!m) {
        exchange_refuse(x, REFUSAL_MODEL_NOT_FOUND, NULL, "model");
        return NULL;
    }
    if (x->key && !keyring_may_use(x->key, str_from(m->name))) {
        exchange_refuse(x, REFUSAL_MODEL_NOT_ALLOWED, NULL, "model");
        return NULL;
    }
    return m;
}

static bool check_ledger(struct exchange *x)
{
    bool is_available = ledger_is_available(x->worker->ledger, loop_now(x->worker->loop));

    if (is_available || (x->key && x->key->outage == KEYRING_OPEN))
        return true;
    exchange_refuse(x, REFUSAL_LEDGER_UNAVAILABLE, NULL, NULL);
    return false;
}

const struct settings_model *admission_check(struct exchange *x)
{
    if (!check_key(x) || !check_body(x))
        return NULL;
    const struct settings_model *m = check_model(x);
    if (!m || !check_limits(x) || !check_ledger(x))
        return NULL;
    return m;
}

void admission_release(struct exchange *x)
{
    if (!x->holds_slot)
        return;
    x->holds_slot = false;
    atomic_fetch_sub(&x->key->usage->parallel, 1);
}

void admission_charge(struct exchange *x)
{
    if (!x->key)
        return;
    int64_t used = x->entry.tokens_in > 0 ? x->entry.tokens_in : 0;
    used += x->entry.tokens_out > 0 ? x->entry.tokens_out : 0;
    ratelimit_charge(&x->key->usage->tpm, limits_of(x).tpm, used - (int64_t)x->tokens_charged,
                     loop_now(x->worker->loop));
}

static size_t add_number(struct exchange *x, struct http_header *h, size_t n, const char *name,
                         uint64_t number)
{
    const char *text = arena_printf(&x->arena, "%" PRIu64, number);

    if (!text || n == ANSWER_HEAD_MAX)
        return n;
    h[n] = (struct http_header){str_from(name), str_from(text)};
    return n + 1;
}

static uint64_t whole_seconds(usec_t wait)
{
    return (wait + USEC_PER_SEC - 1) / USEC_PER_SEC;
}

size_t admission_add_headers(struct exchange *x, struct http_header *ret_headers, size_t n)
{
    usec_t now = loop_now(x->worker->loop);

    if (!x->key)
        return n;
    struct limits l = limits_of(x);
    const struct keyring_usage *u = x->key->usage;
    if (l.rpm.units > 0) {
        n = add_number(x, ret_headers, n, "x-ratelimit-limit-requests", l.rpm.units);
        n = add_number(x, ret_headers, n, "x-ratelimit-remaining-requests",
                       ratelimit_remaining(&u->rpm, l.rpm, now));
        n = add_number(x, ret_headers, n, "x-ratelimit-reset-requests",
                       whole_seconds(ratelimit_reset(&u->rpm, now) - now));
    }
    if (l.tpm.units > 0) {
        n = add_number(x, ret_headers, n, "x-ratelimit-limit-tokens", l.tpm.units);
        n = add_number(x, ret_headers, n, "x-ratelimit-remaining-tokens",
                       ratelimit_remaining(&u->tpm, l.tpm, now));
        n = add_number(x, ret_headers, n, "x-ratelimit-reset-tokens",
                       whole_seconds(ratelimit_reset(&u->tpm, now) - now));
    }
    return n;
}

size_t admission_add_retry_after(struct exchange *x, enum refusal refusal,
                                 struct http_header *ret_headers, size_t n)
{
    int status = refusal_status(refusal);

    if (status != 429 && status != 503)
        return n;
    uint64_t seconds = x->retry_after == USEC_INFINITY ? 60 : whole_seconds(x->retry_after);
    return add_number(x, ret_headers, n, "retry-after", seconds > 0 ? seconds : 1);
}
