/* request_table.h -- how is a chat read from a request by a table of its fields?
 *
 * Of the APIs whose requests are one flat object: each field that is there has a row, and any other
 * is refused by name. Pure.
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "base/macro.h"
#include "chat.h"
#include "inbound.h"

#include <stdbool.h>
#include <stddef.h>

/* The request while it is read, field by field. */
struct request_table {
    struct arena *arena;
    struct chat *chat;
    struct inbound_fault *fault;
    const struct json_value *value;
};

/* NULL: read. "": the arena is full, or the fault says it all. Else a sentence. */
typedef const char *(*request_table_fn)(struct request_table *r, void *to);

struct request_table_row {
    const char *name;
    request_table_fn read;
    size_t to; /* in struct chat */
};

#define REQUEST_TABLE_TO(member) offsetof(struct chat, member)

/* `unknown` is the sentence about a field without a row. False: the fault is set unless the arena
 * is full. */
MUST_USE bool request_table_read(struct request_table *r, const struct json_value *root,
                                 const struct request_table_row *rows, size_t n,
                                 const char *unknown);

/* For rows: into a struct str as it is spelled, a bool, nowhere. */
const char *request_table_number(struct request_table *r, void *to);
const char *request_table_bool(struct request_table *r, void *to);
const char *request_table_harmless(struct request_table *r, void *to);

/* The array of tools; `read` reads each, with r->value on it. */
const char *request_table_tools(struct request_table *r,
                                const char *(*read)(struct request_table *r, struct chat_tool *t));
