/* request_field.h -- what does one field of a request hold, and what is its caller told when it is
 * wrong?
 *
 * For the readers of the APIs (inbound.h). Absent and null are the same: what is asked for is then
 * left as it was. Every function returns false when it wrote a fault, whose message is NULL when
 * the arena is full. Pure.
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "base/macro.h"
#include "base/str.h"
#include "inbound.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct request_field {
    struct arena *arena;
    struct inbound_fault *fault;
    const char *at; /* path of the object that is read, with its dot; NULL: the request itself */
};

/* Always false. `param` is under `at`; NULL: no field in particular. */
bool request_field_fail(const struct request_field *f, const char *param, const char *format, ...)
    PRINTF_LIKE(3, 4);

MUST_USE bool request_field_text(const struct request_field *f, const struct json_value *object,
                                 const char *key, struct str *ret);
MUST_USE bool request_field_bool(const struct request_field *f, const struct json_value *object,
                                 const char *key, bool *ret);
/* A whole number from 0 up to `max`. */
MUST_USE bool request_field_count(const struct request_field *f, const struct json_value *object,
                                  const char *key, int64_t max, int64_t *ret);
/* As it is spelled. */
MUST_USE bool request_field_number(const struct request_field *f, const struct json_value *object,
                                   const char *key, struct str *ret);
/* NULL when absent. */
MUST_USE bool request_field_object(const struct request_field *f, const struct json_value *object,
                                   const char *key, const struct json_value **ret);
MUST_USE bool request_field_array(const struct request_field *f, const struct json_value *object,
                                  const char *key, const struct json_value **ret);

/* Every member that is not null is one of the `n` known ones. */
MUST_USE bool request_field_all_known(const struct request_field *f,
                                      const struct json_value *object, const char *const known[],
                                      size_t n);
