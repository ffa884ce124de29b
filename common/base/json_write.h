/* json_write.h -- how is a JSON text written without ever being ill-formed?
 *
 * Commas and nesting are kept by the writer; strings are escaped, and bytes that are not UTF-8
 * become U+FFFD. A full buffer is remembered and reported by json_write_finish().
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct json_write {
    struct buf *out;
    uint64_t has_item; /* one bit per open level: is a comma due? */
    uint8_t depth;
    bool after_key;
    bool is_full;
};

void json_write_init(struct json_write *w, struct buf *out);
void json_write_begin(struct json_write *w, char open); /* '{' or '[' */
void json_write_end(struct json_write *w, char close);
void json_write_key(struct json_write *w, const char *key);
void json_write_str(struct json_write *w, struct str s);
void json_write_text(struct json_write *w, const char *text); /* NULL writes null */
void json_write_int(struct json_write *w, int64_t n);
void json_write_u64(struct json_write *w, uint64_t n);
void json_write_double(struct json_write *w, double d); /* not finite writes null */
void json_write_bool(struct json_write *w, bool b);
void json_write_null(struct json_write *w);
void json_write_raw(struct json_write *w, struct str json); /* already JSON */

/* key and value at once: the common case */
void json_write_member(struct json_write *w, const char *key, const char *text);
void json_write_member_str(struct json_write *w, const char *key, struct str s);
void json_write_member_int(struct json_write *w, const char *key, int64_t n);
void json_write_member_u64(struct json_write *w, const char *key, uint64_t n);
void json_write_member_bool(struct json_write *w, const char *key, bool b);

/* nothing when it is empty */
void json_write_optional_str(struct json_write *w, const char *key, struct str s);
void json_write_optional_raw(struct json_write *w, const char *key, struct str json);

/* BUF_FULL if anything did not fit: then the buffer holds no usable text. */
MUST_USE enum buf_result json_write_finish(struct json_write *w);

/* `text` as a JSON string in the arena; empty when there is no room. */
struct str json_write_quoted(struct arena *a, const char *text);
