/* json.h -- what does this JSON text say, and where does each value stand in it?
 *
 * One strict pass (yajl, plus the checks that yajl lacks) builds an index of values that point
 * into the text; the text is never copied or re-encoded, and must outlive the index. Editing by
 * offset is json_edit.h, writing is json_write.h.
 */
#pragma once

#include "base/arena.h"
#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define JSON_MAX_DEPTH 128

enum json_result {
    JSON_OK = 0,
    JSON_SYNTAX,
    JSON_UTF8,         /* overlong, surrogate, beyond U+10FFFF, an escape that says so, \u0000 */
    JSON_DEPTH,        /* deeper than JSON_MAX_DEPTH */
    JSON_REPEATED_KEY, /* in any object */
    JSON_TOO_BIG,      /* the arena's ceiling */
};

enum json_type {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

struct json_value {
    enum json_type type;
    uint32_t n_children;
    struct str raw;                 /* the value as spelled: quotes, brackets and all */
    struct str key;                 /* decoded; of a member of an object, else empty */
    struct str key_raw;             /* as spelled, with its quotes */
    const struct json_value *child; /* first element or member */
    const struct json_value *next;  /* next in the same array or object */
};

/* Everything in *ret lives in `a`. On failure *reterr_offset is where the fault
 * begins, to the token. */
MUST_USE enum json_result json_parse(struct arena *a, struct str text,
                                     const struct json_value **ret, size_t *reterr_offset);
const char *json_result_text(enum json_result r);

/* Member of an object; NULL when absent, or when `object` is NULL or no object. */
const struct json_value *json_get(const struct json_value *object, const char *key);

/* "choices.0.delta.content": a walk through members and elements; NULL when a step is missing. */
const struct json_value *json_at(const struct json_value *from, const char *path);

bool json_is(const struct json_value *v, enum json_type type); /* NULL is of no type */

/* Decoded string: borrowed from the text when it has no escapes, else in the arena.
 * False if `v` is NULL or no string, or the arena is full. */
MUST_USE bool json_string(const struct json_value *v, struct arena *a, struct str *ret);
struct str json_text(const struct json_value *v, struct arena *a); /* the same, or empty */

/* An integer that fits, spelled without fraction or exponent. */
MUST_USE bool json_int(const struct json_value *v, int64_t *ret);
MUST_USE bool json_number(const struct json_value *v, double *ret); /* finite */
MUST_USE bool json_bool(const struct json_value *v, bool *ret);
