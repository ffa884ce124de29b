#include "retry.h"

#define REST_SLACK (10 * USEC_PER_MSEC) /* a timer may be early by a tick of the kernel's clock */

static bool may_pass_with_time(const struct failure *f)
{
    switch (f->blame) {
    case FAILURE_OF_CONNECTION:
    case FAILURE_OF_RATE:
        return true;
    case FAILURE_OF_TARGET:
        return f->kind != OUTCOME_INVALID && f->kind != OUTCOME_TIMEOUT;
    case FAILURE_OF_NOBODY:
        return f->status == 408 || f->status == 409 || f->status == 425;
    case FAILURE_NONE:
    case FAILURE_OF_REQUEST:
    case FAILURE_OF_WINDOW:
    case FAILURE_OF_CREDENTIAL:
    case FAILURE_OF_PERMISSION:
        return false;
    }
    return false;
}

static usec_t backoff(const struct retry_situation *s, uint64_t random)
{
    usec_t most = s->backoff;

    for (uint32_t i = 1; i < s->tries && most < s->max_backoff; i++)
        most *= 2;
    if (most > s->max_backoff)
        most = s->max_backoff;
    return random % (most + 1);
}

enum retry_verdict retry_decide(const struct retry_situation *s, uint64_t random, usec_t *ret_wait)
{
    const struct failure *f = s->failure;

    if (f->blame == FAILURE_OF_REQUEST)
        return RETRY_RELAY;
    if (f->blame == FAILURE_OF_WINDOW)
        return RETRY_LARGER;
    if (s->has_other)
        return RETRY_OTHER;
    if (f->is_silent || !may_pass_with_time(f) || s->tries > s->max_retries)
        return RETRY_STOP;

    usec_t wait = f->has_rest ? f->rest : backoff(s, random);
    usec_t slack = f->has_rest ? REST_SLACK : 0;
    if (wait > s->max_backoff || wait + slack >= s->time_left)
        return RETRY_STOP;
    *ret_wait = wait + slack;
    return RETRY_SAME;
}
