#include "fetch_deadline.h"

static usec_t after(usec_t from, usec_t limit)
{
    return limit == 0 || limit > USEC_INFINITY - from ? USEC_INFINITY : from + limit;
}

static usec_t phase_deadline(const struct fetch_deadline *d, const struct fetch_origin *limits,
                             enum fetch_result *ret_result)
{
    if (d->connected_at == 0) {
        *ret_result = FETCH_CONNECT_TIMEOUT;
        return after(d->connecting_at, limits->connect_timeout);
    }
    if (d->is_paused)
        return USEC_INFINITY;
    if (!d->is_heard) {
        *ret_result = FETCH_FIRST_BYTE_TIMEOUT;
        usec_t since = d->heard_at > d->connected_at ? d->heard_at : d->connected_at;
        return after(since, limits->first_byte_timeout);
    }
    *ret_result = FETCH_IDLE_TIMEOUT;
    return after(d->heard_at, limits->idle_timeout);
}

usec_t fetch_deadline_next(const struct fetch_deadline *d, const struct fetch_origin *limits,
                           enum fetch_result *ret_result)
{
    enum fetch_result result = FETCH_TOTAL_TIMEOUT;
    usec_t total = after(d->started_at, limits->total_timeout);
    usec_t phase = phase_deadline(d, limits, &result);

    *ret_result = phase < total ? result : FETCH_TOTAL_TIMEOUT;
    return phase < total ? phase : total;
}
