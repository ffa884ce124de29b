/* fields.h -- is this member there, and of the type that the message promises?
 *
 * A member that is absent or null leaves *ret as it is; one of another type, or a number that
 * does not fit, gives false. Members that nobody asks for are ignored, so that a newer peer may
 * say more.
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* The object that a body must be; NULL when it is none. */
const struct json_value *fields_parse(struct arena *a, struct str json);

MUST_USE bool fields_str(struct arena *a, const struct json_value *object, const char *key,
                         struct str *ret);
MUST_USE bool fields_u64(const struct json_value *object, const char *key, uint64_t *ret);
MUST_USE bool fields_u32(const struct json_value *object, const char *key, uint32_t *ret);
MUST_USE bool fields_double(const struct json_value *object, const char *key,
                            double *ret); /* not negative */
MUST_USE bool fields_bool(const struct json_value *object, const char *key, bool *ret);
