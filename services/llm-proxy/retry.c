#include "retry.h"

bool retry_is_callers_fault(int status)
{
    return status == 400 || status == 404 || status == 413 || status == 422;
}

static bool may_repeat(const struct retry_failure *f)
{
    switch (f->kind) {
    case OUTCOME_CONNECT:
    case OUTCOME_HTTP_429:
    case OUTCOME_HTTP_5XX:
    case OUTCOME_TRUNCATED:
        return f->tries <= f->max_retries;
    case OUTCOME_HTTP_4XX: /* ours: credentials, payment, conflict; repeating changes nothing */
    case OUTCOME_INVALID:
    case OUTCOME_TIMEOUT:
    case OUTCOME_OK:
    case OUTCOME_CANCELLED:
        return false;
    }
    return false;
}

static usec_t backoff(const struct retry_failure *f, uint64_t random)
{
    usec_t wait = f->backoff;

    for (uint32_t i = 1; i < f->tries && wait < f->max_backoff; i++)
        wait *= 2;
    if (wait > f->max_backoff)
        wait = f->max_backoff;
    wait = wait / 2 + (wait > 1 ? random % (wait / 2 + 1) : 0);
    return f->has_retry_after && f->retry_after > wait ? f->retry_after : wait;
}

enum retry_verdict retry_decide(const struct retry_failure *f, uint64_t random, usec_t *ret_wait)
{
    if (f->kind == OUTCOME_HTTP_4XX && retry_is_callers_fault(f->status))
        return RETRY_RELAY;
    if (f->has_other)
        return RETRY_OTHER;
    if (!may_repeat(f))
        return RETRY_STOP;

    *ret_wait = backoff(f, random);
    return *ret_wait <= f->max_backoff ? RETRY_SAME : RETRY_STOP;
}
