/* cache_flight.h -- is somebody asking the very same thing at this moment?
 *
 * The first of identical requests leads, the others wait for its answer, on whatever thread they
 * are. When the leader fails or leaves, the one who has waited longest leads; when its answer is
 * for nobody else, all go on by themselves. How long one waits is the waiter's own affair.
 */
#pragma once

#include "cache_answer.h"
#include "cache_key.h"
#include "io/loop.h"

#include <stdbool.h>

#define CACHE_FLIGHT_MAX_WAITING 4096 /* for one answer; who comes later goes alone */

enum cache_flight_news {
    CACHE_FLIGHT_ANSWERED, /* a reference to the answer comes with it */
    CACHE_FLIGHT_LEAD,     /* you are first now; your seat is kept */
    CACHE_FLIGHT_ALONE,    /* there is nothing to share */
};

/* On the waiter's own thread. Your seat is gone when this is called, unless you lead now. */
typedef void (*cache_flight_fn)(void *arg, enum cache_flight_news news,
                                struct cache_answer *answer);

struct cache_flight;
struct cache_flight_seat;

struct cache_flight *cache_flight_new(void);
void cache_flight_free(struct cache_flight **f); /* everybody has left */

/* A seat: of the leader, or of one who waits. NULL: too many wait, go alone. */
struct cache_flight_seat *cache_flight_join(struct cache_flight *f, const struct cache_key *key,
                                            struct loop *l, cache_flight_fn fn, void *arg);
/* Who is told so by `fn` is not leading before. */
bool cache_flight_is_leading(const struct cache_flight_seat *s);

/* The leader is done: all who wait get the answer, or with NULL go alone. Gives up the seat. */
void cache_flight_finish(struct cache_flight_seat **s, struct cache_answer *answer);
/* Give up the seat, leading or waiting; `fn` is not called any more. */
void cache_flight_leave(struct cache_flight_seat **s);

unsigned cache_flight_waiting(struct cache_flight *f); /* in all, at this moment */
