#include "standing.h"

#define MAX_GROWTH 10 /* a pause of 30 s grows to 300 s */

enum gate { CONNECTION, CREDENTIAL, PERMISSION, ANSWERS, N_GATES };
enum word { GOOD, BAD, NOTHING };

static const enum standing_obstacle obstacle_of[N_GATES] = {
    [CONNECTION] = STANDING_UNREACHABLE,
    [CREDENTIAL] = STANDING_PARKED,
    [PERMISSION] = STANDING_PARKED,
    [ANSWERS] = STANDING_FAILING,
};

/* What the end of a try says to each gate. */
static const enum word words[][N_GATES] = {
    [FAILURE_NONE] = {GOOD, GOOD, GOOD, GOOD},
    [FAILURE_OF_NOBODY] = {NOTHING, NOTHING, NOTHING, NOTHING},
    [FAILURE_OF_REQUEST] = {GOOD, NOTHING, NOTHING, NOTHING},
    [FAILURE_OF_WINDOW] = {GOOD, NOTHING, NOTHING, NOTHING},
    [FAILURE_OF_CREDENTIAL] = {GOOD, BAD, NOTHING, NOTHING},
    [FAILURE_OF_PERMISSION] = {GOOD, NOTHING, BAD, NOTHING},
    [FAILURE_OF_RATE] = {GOOD, GOOD, NOTHING, BAD},
    [FAILURE_OF_TARGET] = {GOOD, NOTHING, NOTHING, BAD},
    [FAILURE_OF_CONNECTION] = {BAD, NOTHING, NOTHING, NOTHING},
};

static struct breaker *breaker_of(struct standing *s, enum gate g)
{
    struct breaker *const gates[N_GATES] = {
        [CONNECTION] = &s->provider->connection,
        [CREDENTIAL] = &s->provider->credential,
        [PERMISSION] = &s->permission,
        [ANSWERS] = &s->answers,
    };

    return gates[g];
}

static const struct breaker_config *config_of(const struct standing_provider *p, enum gate g)
{
    return g == CREDENTIAL || g == PERMISSION ? &p->credential_config : &p->config;
}

void standing_configure(struct standing_provider *p, const struct breaker_config *c, usec_t park)
{
    p->config = *c;
    p->config.max_growth = MAX_GROWTH;
    p->credential_config =
        (struct breaker_config){.failures = 1, .half_open = 1, .window = 1, .open_for = park};
    p->credential = (struct breaker){.state = BREAKER_CLOSED};
}

void standing_forgive(struct standing *s)
{
    s->provider->connection = (struct breaker){.state = BREAKER_CLOSED};
    s->answers = (struct breaker){.state = BREAKER_CLOSED};
    s->rests_until = 0;
}

static bool is_down(const struct standing_provider *p, usec_t now)
{
    return !p->has_worker && p->health == HEALTH_DOWN &&
           now - p->health_at < STANDING_HEALTH_MAX_AGE;
}

enum standing_obstacle standing_look_provider(const struct standing_provider *p, usec_t now)
{
    if (p->is_away)
        return STANDING_AWAY;
    if (is_down(p, now))
        return STANDING_DOWN;
    if (!breaker_is_available(&p->connection, &p->config, now))
        return STANDING_UNREACHABLE;
    if (!breaker_is_available(&p->credential, &p->credential_config, now))
        return STANDING_PARKED;
    return STANDING_CLEAR;
}

static enum standing_obstacle look(struct standing *s, usec_t now, usec_t *ret_wait)
{
    *ret_wait = 0;
    if (s->provider->is_away)
        return STANDING_AWAY;
    if (is_down(s->provider, now))
        return STANDING_DOWN;
    for (enum gate g = CONNECTION; g < N_GATES; g++) {
        const struct breaker_config *c = config_of(s->provider, g);
        struct breaker *b = breaker_of(s, g);
        if (g == ANSWERS && s->rests_until > now) {
            *ret_wait = s->rests_until - now;
            return s->is_limited ? STANDING_LIMITED : STANDING_RESTING;
        }
        if (!breaker_is_available(b, c, now)) {
            *ret_wait = breaker_wait(b, c, now);
            return obstacle_of[g];
        }
    }
    return STANDING_CLEAR;
}

enum standing_obstacle standing_look(const struct standing *s, usec_t now, usec_t *ret_wait)
{
    struct standing copy = *s;
    usec_t wait;

    return look(&copy, now, ret_wait ? ret_wait : &wait);
}

static void count(struct standing *s, const struct breaker *b, enum breaker_state before)
{
    if (b->state != before)
        s->provider->transitions[b->state]++;
}

bool standing_take(struct standing *s, usec_t now)
{
    usec_t wait;

    if (look(s, now, &wait) != STANDING_CLEAR)
        return false;
    for (enum gate g = CONNECTION; g < N_GATES; g++) {
        struct breaker *b = breaker_of(s, g);
        enum breaker_state before = b->state;
        if (!breaker_take(b, config_of(s->provider, g), now))
            return false; /* not reached: look() asked them all */
        count(s, b, before);
    }
    return true;
}

static void tell(struct breaker *b, const struct breaker_config *c, enum word word, usec_t now)
{
    switch (word) {
    case GOOD:
        breaker_success(b, c, now);
        break;
    case BAD:
        breaker_failure(b, c, now);
        break;
    case NOTHING:
        breaker_abandon(b);
        break;
    }
}

enum standing_obstacle standing_report(struct standing *s, const struct failure *f, usec_t now)
{
    enum standing_obstacle arisen = STANDING_CLEAR;

    for (enum gate g = CONNECTION; g < N_GATES; g++) {
        struct breaker *b = breaker_of(s, g);
        enum breaker_state before = b->state;
        /* A limit that says when it ends needs no breaker. */
        bool is_told = g == ANSWERS && f->blame == FAILURE_OF_RATE && f->has_rest;
        tell(b, config_of(s->provider, g), is_told ? NOTHING : words[f->blame][g], now);
        count(s, b, before);
        if (b->state == BREAKER_OPEN && before != BREAKER_OPEN)
            arisen = obstacle_of[g];
    }
    if (f->has_rest && now + f->rest > s->rests_until) {
        s->rests_until = now + f->rest;
        s->is_limited = f->blame == FAILURE_OF_RATE;
    }
    return arisen;
}

const char *standing_obstacle_text(enum standing_obstacle o)
{
    switch (o) {
    case STANDING_CLEAR:
        return "is available";
    case STANDING_AWAY:
        return "is a local worker that does not run";
    case STANDING_DOWN:
        return "is down, says health-worker";
    case STANDING_UNREACHABLE:
        return "cannot be reached: its breaker is open";
    case STANDING_PARKED:
        return "refused our credential, which is parked";
    case STANDING_LIMITED:
        return "has reached a limit of the provider";
    case STANDING_RESTING:
        return "is overloaded and asked to be left alone";
    case STANDING_FAILING:
        return "fails to answer: its breaker is open";
    }
    return "is in an unknown state";
}
