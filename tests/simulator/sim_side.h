/* sim_side.h -- what do the providers' routes answer that are no chat?
 *
 * Every file sim_side_*.c exports one table of routes, which ends with a row without a method.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "sim_dialect.h"
#include "sim_http.h"

struct sim_side_answer {
    struct arena *arena;
    const struct sim_http_request *request;
    const struct json_value *root; /* the body of a POST; NULL where it is no JSON object */
    struct str model;              /* for its script; empty: none */
    struct buf body;
    const char *type;  /* Content-Type */
    const char *error; /* not NULL: refused, and why */
};

struct sim_side {
    const char *method, *end; /* of the path */
    const struct sim_dialect *dialect;
    void (*write)(struct sim_side_answer *a);
};

extern const struct sim_side sim_side_models[], sim_side_ollama[], sim_side_openai[];

/* NULL: no such route. */
const struct sim_side *sim_side_find(const struct sim_http_request *request);
void sim_side_init(struct sim_side_answer *a, struct arena *arena,
                   const struct sim_http_request *request);
void sim_side_done(struct sim_side_answer *a);

/* What the chat's reader makes of the request; false when it is refused. */
bool sim_side_read_chat(struct sim_side_answer *a, const struct sim_dialect *dialect,
                        struct sim_chat *ret);
/* The model the body names; refused without one. */
bool sim_side_read_model(struct sim_side_answer *a);

/* The texts of a string or of an array of strings (or of token numbers, four bytes each). */
struct sim_side_texts {
    uint64_t n, bytes;
};
struct sim_side_texts sim_side_count(const struct json_value *input);
/* "[0.0,0.125,…]" */
void sim_side_add_vector(struct buf *out, uint64_t dimensions);
