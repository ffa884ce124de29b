/* standing.h -- may a target be tried now, after what became of the tries before?
 *
 * A target is a model at a provider, asked with our credential. Breakers decide together: can the
 * provider be reached, does it take our credential, does it let it use this model, does the model
 * answer. Beside them stand a rest that the provider asked for and health-worker's word. Pure.
 */
#pragma once

#include "base/breaker.h"
#include "base/macro.h"
#include "failure.h"
#include "peak_ewma.h"
#include "proto/health.h"

/* health-worker's word counts for so long. */
#define STANDING_HEALTH_MAX_AGE (30 * USEC_PER_SEC)

enum standing_obstacle {
    STANDING_CLEAR = 0,
    STANDING_AWAY,        /* a local worker that was stopped, or given up */
    STANDING_DOWN,        /* says health-worker */
    STANDING_UNREACHABLE, /* connections fail */
    STANDING_PARKED,      /* our credential was refused */
    STANDING_LIMITED,     /* too many requests: it said until when */
    STANDING_RESTING,     /* overloaded, likewise */
    STANDING_FAILING,     /* answers fail */
};

struct standing_provider {
    struct breaker_config config, credential_config;
    struct breaker connection, credential;
    enum health_state health;
    usec_t health_at;
    bool has_worker; /* whose state says more than a probe's verdict */
    bool is_away;
    uint64_t transitions[3]; /* of all its breakers and its targets', to each breaker_state */
};

struct standing {
    struct standing_provider *provider;
    struct breaker permission, answers;
    usec_t rests_until;
    bool is_limited; /* the reason of the rest */
    struct peak_ewma latency;
};

/* `park` is how long a refused credential is not used. Forgives the credential: a reload may have
 * brought another. */
void standing_configure(struct standing_provider *p, const struct breaker_config *c, usec_t park);

/* What has been said of the connection and of the answers is forgotten: it is another process now.
 */
void standing_forgive(struct standing *s);

/* What is in the way of the provider as a whole. */
enum standing_obstacle standing_look_provider(const struct standing_provider *p, usec_t now);
/* What is in the way of a try; *ret_wait (may be NULL) is for how long, 0 when nobody knows. */
enum standing_obstacle standing_look(const struct standing *s, usec_t now, usec_t *ret_wait);

/* True if a try may start; then exactly one standing_report() is due. */
MUST_USE bool standing_take(struct standing *s, usec_t now);
/* Returns the breaker that opened with it, as what is in the way; STANDING_CLEAR: none did. */
enum standing_obstacle standing_report(struct standing *s, const struct failure *f, usec_t now);

/* For people: "is down", "is resting, as it asked" … */
const char *standing_obstacle_text(enum standing_obstacle o);
