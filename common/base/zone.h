/* zone.h -- when does a day or a month begin where the caller lives?
 *
 * A zone of the IANA database, read from a compiled file (TZif, RFC 9636) that the caller has
 * loaded: no environment variable, no lock, no global of the C library. Times are seconds since
 * 1970-01-01 UTC. A NULL zone is UTC everywhere. Pure.
 */
#pragma once

#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum zone_result {
    ZONE_OK = 0,
    ZONE_DAMAGED, /* not a TZif file of version 2 or later */
};

enum zone_unit { ZONE_DAY, ZONE_MONTH };

struct zone;

/* The name is copied. */
MUST_USE enum zone_result zone_new(const char *name, struct str tzif, struct zone **ret);
void zone_free(struct zone **z);

const char *zone_name(const struct zone *z); /* "UTC" for NULL */

/* Could this be a name of the database: letters, digits, + - _ in segments between slashes? A path
 * made of it stays inside its folder. */
bool zone_is_name(struct str name);

/* Local time minus UTC at `t`. */
int32_t zone_offset(const struct zone *z, int64_t t);

/* The first moment of the day or month that `t` is in, and of the one after it. Where clocks skip
 * midnight that is the moment after the gap. */
int64_t zone_start(const struct zone *z, enum zone_unit unit, int64_t t);
int64_t zone_end(const struct zone *z, enum zone_unit unit, int64_t t);
