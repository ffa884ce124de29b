/* guesses.h -- has this source presented too many wrong keys?
 *
 * A source is an IPv4 address or the /64 of an IPv6 address. At most ten failures a second of one
 * source are told apart from noise; what is beyond is to be answered as too many. The table has a
 * fixed size, enough for 100,000 sources at once; under more the quietest is forgotten. Right keys
 * are never slowed down: a caller behind the same address as a guesser is not his hostage. Any
 * thread: under a mutex that is held for some tens of nanoseconds.
 */
#pragma once

#include "base/clock.h"
#include "base/macro.h"
#include "base/str.h"

#include <stddef.h>

#define GUESSES_SOURCES 262144

struct guesses;

struct guesses *guesses_new(void);
void guesses_free(struct guesses **g);

/* A failure of the peer ("192.0.2.1", "2001:db8::1", "unix"). 0: it may be told; else how long the
 * source had better wait. */
MUST_USE usec_t guesses_note(struct guesses *g, struct str peer, usec_t now);
