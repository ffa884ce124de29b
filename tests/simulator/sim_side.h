/* sim_side.h -- what do the providers' routes answer that are no chat? */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "sim_dialect.h"
#include "sim_http.h"

struct sim_side_answer {
    struct arena *arena;
    const struct sim_http_request *request;
    struct str model; /* for its script; empty: none */
    struct buf body;
    const char *type;  /* Content-Type */
    const char *error; /* not NULL: refused, and why */
};

struct sim_side {
    const char *method, *end; /* of the path */
    const struct sim_dialect *dialect;
    void (*write)(struct sim_side_answer *a);
};

/* NULL: no such route. */
const struct sim_side *sim_side_find(const struct sim_http_request *request);
void sim_side_init(struct sim_side_answer *a, struct arena *arena,
                   const struct sim_http_request *request);
void sim_side_done(struct sim_side_answer *a);
