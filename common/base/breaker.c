#include "base/breaker.h"

/* Threads may see slightly different times. */
static usec_t elapsed(usec_t since, usec_t now)
{
    return now > since ? now - since : 0;
}

static void set_state(struct breaker *b, enum breaker_state state, usec_t now)
{
    b->state = state;
    b->failures = 0;
    b->trying = 0;
    b->succeeded = 0;
    if (state == BREAKER_OPEN)
        b->opened_at = now;
}

bool breaker_is_available(const struct breaker *b, const struct breaker_config *c, usec_t now)
{
    switch (b->state) {
    case BREAKER_CLOSED:
        return true;
    case BREAKER_HALF_OPEN:
        return b->trying + b->succeeded < c->half_open;
    case BREAKER_OPEN:
        return elapsed(b->opened_at, now) >= c->open_for;
    }
    return false;
}

bool breaker_take(struct breaker *b, const struct breaker_config *c, usec_t now)
{
    if (!breaker_is_available(b, c, now))
        return false;
    if (b->state == BREAKER_OPEN)
        set_state(b, BREAKER_HALF_OPEN, now);
    if (b->state == BREAKER_HALF_OPEN)
        b->trying++;
    return true;
}

/* A report in half-open that matches no try is from a try begun before the breaker opened. */
static bool end_try(struct breaker *b)
{
    if (b->state != BREAKER_HALF_OPEN || b->trying == 0)
        return false;
    b->trying--;
    return true;
}

void breaker_success(struct breaker *b, const struct breaker_config *c, usec_t now)
{
    if (b->state == BREAKER_CLOSED)
        b->failures = 0;
    else if (end_try(b) && ++b->succeeded >= c->half_open)
        set_state(b, BREAKER_CLOSED, now);
}

void breaker_failure(struct breaker *b, const struct breaker_config *c, usec_t now)
{
    if (b->state == BREAKER_CLOSED) {
        if (b->failures == 0 || elapsed(b->first_failure, now) > c->window) {
            b->failures = 0;
            b->first_failure = now;
        }
        if (++b->failures >= c->failures)
            set_state(b, BREAKER_OPEN, now);
    } else if (end_try(b)) {
        set_state(b, BREAKER_OPEN, now);
    }
}

void breaker_abandon(struct breaker *b)
{
    end_try(b);
}
