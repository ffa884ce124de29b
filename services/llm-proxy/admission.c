#include "admission.h"

#include "allowance.h"
#include "answer_head.h"
#include "exchange.h"
#include "keycheck.h"
#include "passthrough.h"
#include "telemetry.h"
#include "worker.h"

#include <inttypes.h>

static bool check_limits(struct exchange *x)
{
    struct allowance_refusal why;
    enum allowance_result r = allowance_take(x, &why);

    if (r == ALLOWANCE_OK)
        return true;
    telemetry_limit_hit(x, allowance_name(r, why.is_teams));
    x->retry_after = why.wait;
    exchange_refuse(x, REFUSAL_RATE_LIMIT_EXCEEDED, allowance_text(r, why.is_teams), NULL);
    return false;
}

bool admission_check_key(struct exchange *x)
{
    enum keycheck_result r = keycheck_find(x->worker, x->client, &x->key);

    if (r == KEYCHECK_OK)
        return true;
    x->retry_after = USEC_PER_SEC;
    exchange_refuse(x, keycheck_refusal(r), keycheck_text(r), NULL);
    return false;
}

static enum chat_request_result parse_body(struct exchange *x)
{
    if (x->inbound->is_opaque)
        return passthrough_parse(x, &x->fault);
    return chat_request_parse(&x->arena, x->chat.body, &x->chat, &x->fault.message,
                              &x->fault.param);
}

void admission_read(struct exchange *x)
{
    x->read = parse_body(x);
    if (x->read == CHAT_REQUEST_OK && !x->inbound->read_request(&x->arena, &x->chat, &x->fault))
        x->read = CHAT_REQUEST_INVALID;
}

static bool check_body(struct exchange *x)
{
    switch (x->read) {
    case CHAT_REQUEST_OK:
        return true;
    case CHAT_REQUEST_NOT_JSON:
        exchange_refuse(x, REFUSAL_INVALID_JSON, x->fault.message, x->fault.param);
        return false;
    case CHAT_REQUEST_INVALID:
        exchange_refuse(x, REFUSAL_INVALID_REQUEST, x->fault.message, x->fault.param);
        return false;
    }
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
    return check_body(x) ? check_model(x) : NULL;
}

bool admission_take(struct exchange *x)
{
    return check_limits(x) && check_ledger(x);
}

void admission_release(struct exchange *x)
{
    allowance_release(x);
    reserve_release(x);
}

size_t admission_add_retry_after(struct exchange *x, enum refusal refusal,
                                 struct http_header *ret_headers, size_t n)
{
    int status = refusal_status(refusal);

    if ((status != 429 && status != 503) || x->retry_after == USEC_INFINITY)
        return n; /* no wait is long enough */
    uint64_t seconds = (x->retry_after + USEC_PER_SEC - 1) / USEC_PER_SEC;
    const char *text = arena_printf(&x->arena, "%" PRIu64, seconds > 0 ? seconds : 1);
    if (!text || n == ANSWER_HEAD_MAX)
        return n;
    ret_headers[n] = (struct http_header){STR("retry-after"), str_from(text)};
    return n + 1;
}
