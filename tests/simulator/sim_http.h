/* sim_http.h -- which request do these bytes hold?
 *
 * Lenient on purpose and independent of the suite's own HTTP code, so that the simulator is a
 * second opinion about what the suite sends. Bodies come with Content-Length.
 */
#pragma once

#include "base/arena.h"
#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

#define SIM_HTTP_MAX_FIELDS 64
#define SIM_HTTP_MAX_HEAD   ((size_t)64 << 10)
#define SIM_HTTP_MAX_BODY   ((size_t)64 << 20)

enum sim_http_result { SIM_HTTP_OK = 0, SIM_HTTP_MORE, SIM_HTTP_BAD };

struct sim_http_field {
    struct str name, value;
};

struct sim_http_request {
    struct str method, path, query;
    struct sim_http_field fields[SIM_HTTP_MAX_FIELDS];
    size_t n_fields;
    struct str head, body; /* one after the other, from the first byte on */
    bool is_last;          /* the connection ends with this request */
};

/* Everything in *ret points into `bytes`. */
MUST_USE enum sim_http_result sim_http_parse(struct str bytes, struct sim_http_request *ret);
struct str sim_http_header(const struct sim_http_request *r, const char *name); /* NULL: none */

/* "name" of "name=value&…"; data NULL when absent. */
struct str sim_http_query(const struct sim_http_request *r, const char *name);

/* Percent-encoding undone; what is no encoding stays as it is. */
struct str sim_http_decode(struct arena *a, struct str text);
