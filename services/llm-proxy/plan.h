/* plan.h -- which models may answer this request, in turn, and in what state are their targets?
 *
 * What the configuration and the prompt alone decide, before anything is tried. Pure but for a look
 * at the upstreams.
 */
#pragma once

#include "chat_request.h"
#include "complexity.h"
#include "router.h"
#include "snapshot.h"

#include <stdbool.h>
#include <stddef.h>

#define PLAN_MAX_MODELS 33 /* itself, its fallbacks and its delegate's */

struct plan {
    const struct settings_model *asked; /* NULL: none yet */
    const struct settings_model *models[PLAN_MAX_MODELS];
    size_t n_models;
    bool is_scored; /* strategy complexity asked how hard the prompt is */
    struct complexity complexity;
    enum complexity_level level; /* by the thresholds of the first entry that asked */
    uint64_t session;            /* plan_session(); 0: of none */
    struct prices_tokens tokens; /* plan_expect() */
};

/* `asked` or what its strategy delegates to, then that one's fallbacks, then those of `asked`; each
 * once. `body` is the parsed request. */
void plan_make(struct plan *p, const struct snapshot *s, const struct json_value *body,
               const struct settings_model *asked);

/* low, medium or high; "none" when no strategy asked. */
const char *plan_complexity(const struct plan *p);

/* What names a conversation of one tenant among all; 0 when it has no name. The same in every
 * process. */
uint64_t plan_session(struct str tenant, struct str session);

/* What the request may come to, for comparing prices: its prompt, and as much of an answer as
 * max_tokens allows or, when it does not say, as much again. */
struct prices_tokens plan_expect(const struct chat_request *chat);

/* A target's state in full, and what of it the router looks at. */
struct plan_target {
    struct upstream_target *target;
    struct upstream_target_view view;
};

/* The targets of `m`, none tried yet. Fills up to ROUTER_MAX_TARGETS of both (`ret_targets` may be
 * NULL) and returns how many. */
size_t plan_describe(const struct plan *p, const struct snapshot *s, const struct settings_model *m,
                     usec_t now, struct router_candidate *ret, struct plan_target *ret_targets);

/* As router_choose(), but a worker that does not run is chosen only when nothing else is left. */
struct plan_choice {
    size_t index; /* or ROUTER_NONE */
    size_t cold;  /* would have been chosen if it ran; ROUTER_NONE: none */
};
struct plan_choice plan_choose(enum settings_strategy strategy,
                               const struct router_candidate *candidates,
                               const struct plan_target *targets, size_t n, uint64_t random);
