/* breaker.h -- may this target be tried now, after what happened to it lately?
 *
 * closed -> open after `failures` in a row within `window`; open -> half-open after `open_for`;
 * half-open lets `half_open` tries through and closes when all of them succeed, opens on one
 * failure. Pure: the caller passes the time.
 */
#pragma once

#include "base/clock.h"
#include "base/macro.h"

#include <stdbool.h>
#include <stdint.h>

enum breaker_state { BREAKER_CLOSED = 0, BREAKER_HALF_OPEN = 1, BREAKER_OPEN = 2 };

struct breaker_config {
    uint32_t failures;
    uint32_t half_open;
    usec_t window;
    usec_t open_for;
    uint32_t max_growth; /* each opening in a row lasts open_for longer than the one before it, up
                            to so many times as long; 0: all last the same */
};

struct breaker {
    enum breaker_state state;
    uint32_t failures;  /* in a row, the first of them at first_failure */
    uint32_t trying;    /* half-open tries under way */
    uint32_t succeeded; /* of the half-open tries */
    uint32_t openings;  /* in a row */
    usec_t first_failure;
    usec_t opened_at;
};

/* True if a try may start; it must then be reported by exactly one of the three below. */
MUST_USE bool breaker_take(struct breaker *b, const struct breaker_config *c, usec_t now);
/* Would breaker_take() say yes? Changes nothing. */
bool breaker_is_available(const struct breaker *b, const struct breaker_config *c, usec_t now);
/* How long it stays open yet; 0 when it is not. */
usec_t breaker_wait(const struct breaker *b, const struct breaker_config *c, usec_t now);
void breaker_success(struct breaker *b, const struct breaker_config *c, usec_t now);
void breaker_failure(struct breaker *b, const struct breaker_config *c, usec_t now);
void breaker_abandon(
    struct breaker *b); /* the try said nothing: cancelled, or the caller's fault */
