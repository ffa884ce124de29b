/* json_edit.h -- how does a request change in one field and stay the same bytes elsewhere?
 *
 * A list of splices by offset into a text that json_parse() indexed. Unknown fields, key order
 * and number spelling survive because nothing is re-encoded.
 */
#pragma once

#include "base/buf.h"
#include "base/json.h"

#define JSON_EDIT_MAX 16

struct json_edit_splice {
    size_t at, removed;
    struct str text; /* borrowed until json_edit_apply() */
};

struct json_edit {
    struct str text;
    struct json_edit_splice splice[JSON_EDIT_MAX]; /* sorted by `at`, never overlapping */
    size_t n;
};

void json_edit_init(struct json_edit *e, struct str text);

/* Replace a value by other JSON; doing so again replaces the replacement. */
void json_edit_replace(struct json_edit *e, const struct json_value *v, struct str json);

/* Set a member: replaced when present, else inserted right after '{' (once a key, at the cost of
 * two splices). `member` is the whole `"key":value` for insertion, `value` the JSON for
 * replacement. */
void json_edit_set(struct json_edit *e, const struct json_value *object, const char *key,
                   struct str value, struct str member);

/* Remove a member with its comma, whatever was edited in it before. */
void json_edit_remove(struct json_edit *e, const struct json_value *object,
                      const struct json_value *member);

size_t json_edit_length(const struct json_edit *e); /* of the edited text */

/* The edited text as pieces in order, borrowed from the text and the splices, for sending without
 * a copy; some may be empty. Returns how many: 2 n + 1. */
size_t json_edit_pieces(const struct json_edit *e, struct str *ret_pieces);

/* The same, appended to `out`: all or nothing. */
MUST_USE enum buf_result json_edit_apply(const struct json_edit *e, struct buf *out);
