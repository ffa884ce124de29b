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
    if (state == BREAKER_CLOSED)
        b->openings = 0;
    if (state != BREAKER_OPEN)
        return;
    b->opened_at = now;
    if (b->openings < UINT32_MAX)
        b->openings++;
}

static usec_t open_time(const struct breaker *b, const struct breaker_config *c)
{
    uint32_t times = b->openings < c->max_growth ? b->openings : c->max_growth;

    return c->open_for * (times > 0 ? times : 1);
}

usec_t breaker_wait(const struct breaker *b, const struct breaker_config *c, usec_t now)
{
    usec_t open_for = open_time(b, c), past = elapsed(b->opened_at, now);

    return b->state == BREAKER_OPEN && past < open_for ? open_for - past : 0;
}

bool breaker_is_available(const struct breaker *b, const struct breaker_config *c, usec_t now)
{
    switch (b->state) {
    case BREAKER_CLOSED:
        return true;
    case BREAKER_HALF_OPEN:
        return b->trying + b->succeeded < c->half_open;
    case BREAKER_OPEN:
        return breaker_wait(b, c, now) == 0;
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
