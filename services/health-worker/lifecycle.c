#include "lifecycle.h"

#define MAX_DOUBLINGS 30
#define JITTER        5 /* the wait is spread over a fifth of it to either side */

const char *lifecycle_state_text(enum lifecycle_state s)
{
    static const char *const texts[LIFECYCLE_STATES] = {
        [LIFECYCLE_STOPPED] = "stopped", [LIFECYCLE_STARTING] = "starting",
        [LIFECYCLE_LOADING] = "loading", [LIFECYCLE_IDLE] = "idle",
        [LIFECYCLE_BUSY] = "busy",       [LIFECYCLE_STOPPING] = "stopping",
        [LIFECYCLE_BACKOFF] = "backoff", [LIFECYCLE_FAILED] = "failed",
    };

    return texts[s];
}

/* One event being taken. */
struct step {
    struct lifecycle *l;
    const struct lifecycle_rules *r;
    enum lifecycle_event event;
    usec_t now;
    uint64_t random;
};

static struct breaker_config breaker_of(const struct lifecycle_rules *r)
{
    return (struct breaker_config){
        .failures = r->max_restarts + 1,
        .half_open = 1,
        .window = r->window,
        .open_for = r->window,
    };
}

static void set_state(const struct step *s, enum lifecycle_state state, usec_t due)
{
    s->l->state = state;
    s->l->since = s->now;
    s->l->due = due;
}

static usec_t after(const struct step *s, usec_t wait)
{
    return s->now + wait;
}

/* ---- beginning ---- */

static unsigned start(const struct step *s, bool is_again)
{
    struct breaker_config c = breaker_of(s->r);
    struct lifecycle *l = s->l;

    if (!breaker_take(&l->breaker, &c, s->now)) {
        usec_t wait = breaker_wait(&l->breaker, &c, s->now);
        set_state(s, LIFECYCLE_FAILED, after(s, wait > 0 ? wait : s->r->window));
        return 0;
    }
    l->is_held = l->is_wanted = l->is_proven = false;
    l->is_again = is_again;
    l->unwell = 0;
    set_state(s, LIFECYCLE_STARTING, after(s, LIFECYCLE_ROOM_WAIT));
    return LIFECYCLE_DO_ADMIT;
}

/* An operator's word is worth more than what happened before. */
static unsigned start_by_hand(const struct step *s, bool is_again)
{
    s->l->breaker = (struct breaker){.state = BREAKER_CLOSED};
    s->l->failures = 0;
    return start(s, is_again);
}

static unsigned hold(const struct step *s)
{
    s->l->is_held = true;
    set_state(s, LIFECYCLE_STOPPED, USEC_INFINITY);
    return 0;
}

/* ---- failing ---- */

static usec_t backoff(const struct step *s)
{
    usec_t wait = s->r->backoff;

    for (unsigned i = 1; i < s->l->failures && i < MAX_DOUBLINGS && wait < s->r->max_backoff; i++)
        wait *= 2;
    if (wait > s->r->max_backoff)
        wait = s->r->max_backoff;
    usec_t spread = wait / JITTER;
    return wait - spread + s->random % (2 * spread + 1);
}

static unsigned fail(const struct step *s)
{
    struct breaker_config c = breaker_of(s->r);
    struct lifecycle *l = s->l;
    unsigned did = LIFECYCLE_DID_FAIL;

    if (l->is_again && (l->state == LIFECYCLE_STARTING || l->state == LIFECYCLE_LOADING))
        did |= LIFECYCLE_DID_RESTART_FAIL;
    l->is_again = true;
    l->failures++;
    breaker_failure(&l->breaker, &c, s->now);
    if (l->breaker.state != BREAKER_OPEN) {
        set_state(s, LIFECYCLE_BACKOFF, after(s, backoff(s)));
        return did;
    }
    /* none at all was allowed: then not after a rest either */
    set_state(s, LIFECYCLE_FAILED, s->r->max_restarts > 0 ? after(s, s->r->window) : USEC_INFINITY);
    return did | LIFECYCLE_DID_GIVE_UP;
}

/* ---- ending ---- */

static unsigned next_phase(const struct step *s, enum lifecycle_phase phase)
{
    struct lifecycle *l = s->l;

    l->phase = phase;
    switch (phase) {
    case LIFECYCLE_DRAINING:
        break;
    case LIFECYCLE_ASKING:
        if (!s->r->has_drain)
            return next_phase(s, LIFECYCLE_ENDING);
        l->due = after(s, LIFECYCLE_ASK_WAIT);
        return LIFECYCLE_DO_ASK;
    case LIFECYCLE_ENDING:
        l->due = after(s, s->r->stop_timeout);
        return LIFECYCLE_DO_TERM;
    case LIFECYCLE_KILLING:
        l->due = after(s, LIFECYCLE_REKILL);
        return LIFECYCLE_DO_KILL;
    }
    return 0;
}

static unsigned stop(const struct step *s, enum lifecycle_after next)
{
    struct lifecycle *l = s->l;
    bool serves = lifecycle_is_serving(l);

    l->after = next;
    l->is_wanted = false;
    if (!l->is_running) {
        set_state(s, LIFECYCLE_STOPPED, USEC_INFINITY);
        return 0;
    }
    usec_t patience = s->event == LIFECYCLE_DRAIN ? s->r->drain_timeout : s->r->stop_timeout;
    set_state(s, LIFECYCLE_STOPPING, after(s, patience));
    return next_phase(s, serves ? LIFECYCLE_DRAINING : LIFECYCLE_ENDING);
}

static unsigned kill_it(const struct step *s)
{
    bool is_loading = s->l->state == LIFECYCLE_LOADING;

    s->l->after = LIFECYCLE_AFTER_FAILURE;
    s->l->is_again &= is_loading; /* else the restart did lead to a running worker */
    set_state(s, LIFECYCLE_STOPPING, USEC_INFINITY);
    return next_phase(s, LIFECYCLE_KILLING);
}

static unsigned stop_by_hand(const struct step *s)
{
    breaker_abandon(&s->l->breaker);
    s->l->is_held = s->event != LIFECYCLE_SHUTDOWN;
    return stop(s, LIFECYCLE_REST);
}

static unsigned stop_for_others(const struct step *s)
{
    breaker_abandon(&s->l->breaker);
    return stop(s, LIFECYCLE_REST);
}

static unsigned restart(const struct step *s)
{
    breaker_abandon(&s->l->breaker);
    return stop(s, LIFECYCLE_AGAIN);
}

/* ---- not running ---- */

static unsigned begin(const struct step *s)
{
    return start_by_hand(s, false);
}

static unsigned demand(const struct step *s)
{
    return s->l->is_held ? 0 : start(s, false);
}

static unsigned begin_again(const struct step *s)
{
    return start(s, s->l->is_again);
}

static unsigned begin_again_by_hand(const struct step *s)
{
    return start_by_hand(s, true);
}

/* What runs on demand waits for it; the breaker lets it try once. */
static unsigned try_again(const struct step *s)
{
    if (s->r->idle_stop == 0)
        return start(s, true);
    set_state(s, LIFECYCLE_STOPPED, USEC_INFINITY);
    return 0;
}

/* ---- starting, loading ---- */

static unsigned spawn(const struct step *s)
{
    if (s->l->is_running)
        return 0;
    s->l->is_running = true;
    s->l->due = USEC_INFINITY;
    return LIFECYCLE_DO_SPAWN | (s->l->is_again ? LIFECYCLE_DID_RESTART : 0);
}

/* No fault of its own, so the breaker does not hear of it. */
static unsigned wait_for_room(const struct step *s)
{
    if (s->l->is_running)
        return 0;
    s->l->failures++;
    breaker_abandon(&s->l->breaker);
    set_state(s, LIFECYCLE_BACKOFF, after(s, backoff(s)));
    return 0;
}

static unsigned load(const struct step *s)
{
    set_state(s, LIFECYCLE_LOADING, after(s, s->r->load_timeout));
    return 0;
}

static unsigned lose(const struct step *s)
{
    s->l->is_running = false;
    return fail(s);
}

/* ---- serving ---- */

/* When to look again: it has proved itself, or was idle for long enough. */
static void plan_look(const struct step *s)
{
    struct lifecycle *l = s->l;
    usec_t proof = l->is_proven ? USEC_INFINITY : l->well_since + s->r->window;
    usec_t rest = l->state == LIFECYCLE_IDLE && s->r->idle_stop > 0 ? l->used_at + s->r->idle_stop
                                                                    : USEC_INFINITY;

    l->due = proof < rest ? proof : rest;
}

static unsigned serve(const struct step *s)
{
    s->l->well_since = s->l->used_at = s->now;
    set_state(s, LIFECYCLE_IDLE, USEC_INFINITY);
    plan_look(s);
    return LIFECYCLE_DID_LOAD;
}

static unsigned look(const struct step *s)
{
    struct breaker_config c = breaker_of(s->r);
    struct lifecycle *l = s->l;
    bool is_idle = l->state == LIFECYCLE_IDLE;

    if (!l->is_proven && s->now >= l->well_since + s->r->window) {
        l->is_proven = true;
        l->failures = 0;
        breaker_success(&l->breaker, &c, s->now);
    }
    if (is_idle && s->r->idle_stop > 0 && s->now >= l->used_at + s->r->idle_stop)
        return stop_for_others(s);
    plan_look(s);
    return 0;
}

static unsigned touch(const struct step *s)
{
    s->l->used_at = s->now;
    plan_look(s);
    return 0;
}

static unsigned use(const struct step *s)
{
    set_state(s, LIFECYCLE_BUSY, USEC_INFINITY);
    return touch(s);
}

static unsigned leave(const struct step *s)
{
    set_state(s, LIFECYCLE_IDLE, USEC_INFINITY);
    return touch(s);
}

static unsigned note_well(const struct step *s)
{
    s->l->unwell = 0;
    return 0;
}

static unsigned note_bad(const struct step *s)
{
    return ++s->l->unwell < LIFECYCLE_UNWELL ? 0 : kill_it(s);
}

/* ---- stopping ---- */

static unsigned go_on(const struct step *s)
{
    enum lifecycle_phase phase = s->l->phase;

    return next_phase(s, phase < LIFECYCLE_KILLING ? phase + 1 : LIFECYCLE_KILLING);
}

static unsigned end_draining(const struct step *s)
{
    return s->l->phase == LIFECYCLE_DRAINING ? go_on(s) : 0;
}

static unsigned end_asking(const struct step *s)
{
    return s->l->phase == LIFECYCLE_ASKING ? go_on(s) : 0;
}

/* Asked twice: without further patience, but nothing that has begun begins anew. */
static unsigned stop_at_once(const struct step *s)
{
    struct lifecycle *l = s->l;

    l->is_held |= s->event != LIFECYCLE_SHUTDOWN;
    l->is_wanted = false;
    l->after = LIFECYCLE_REST;
    return s->event == LIFECYCLE_DRAIN ? 0 : end_draining(s);
}

static unsigned start_afterwards(const struct step *s)
{
    s->l->is_held = false;
    s->l->after = LIFECYCLE_AGAIN;
    return 0;
}

static unsigned want(const struct step *s)
{
    s->l->is_wanted = !s->l->is_held;
    return 0;
}

static unsigned end(const struct step *s)
{
    struct lifecycle *l = s->l;
    unsigned did = l->phase == LIFECYCLE_KILLING ? LIFECYCLE_DID_KILL : LIFECYCLE_DID_STOP;

    l->is_running = false;
    if (l->after == LIFECYCLE_AFTER_FAILURE)
        return did | fail(s);
    if (l->after == LIFECYCLE_AGAIN)
        return did | start_by_hand(s, true);
    l->failures = 0;
    set_state(s, LIFECYCLE_STOPPED, USEC_INFINITY);
    return l->is_wanted ? did | start(s, false) : did;
}

/* ---- which of them when ---- */

typedef unsigned (*step_fn)(const struct step *s);

/* clang-format off */
#define WHILE_IT_RUNS                                                                              \
    [LIFECYCLE_STOP] = stop_by_hand, [LIFECYCLE_DRAIN] = stop_by_hand,                             \
    [LIFECYCLE_SHUTDOWN] = stop_by_hand, [LIFECYCLE_EXITED] = lose
#define WHILE_IT_SERVES                                                                            \
    WHILE_IT_RUNS, [LIFECYCLE_RESTART] = restart, [LIFECYCLE_WELL] = note_well,                    \
    [LIFECYCLE_BAD] = note_bad, [LIFECYCLE_TOUCHED] = touch, [LIFECYCLE_TIME] = look

static const step_fn steps[LIFECYCLE_STATES][LIFECYCLE_EVENTS] = {
    [LIFECYCLE_STOPPED] = {
        [LIFECYCLE_START] = begin, [LIFECYCLE_RESTART] = begin, [LIFECYCLE_DEMAND] = demand,
        [LIFECYCLE_STOP] = hold, [LIFECYCLE_DRAIN] = hold,
    },
    [LIFECYCLE_STARTING] = {
        WHILE_IT_RUNS, [LIFECYCLE_ROOM] = spawn, [LIFECYCLE_NO_ROOM] = wait_for_room,
        [LIFECYCLE_TIME] = wait_for_room, [LIFECYCLE_RAN] = load,
    },
    [LIFECYCLE_LOADING] = {
        WHILE_IT_RUNS, [LIFECYCLE_RESTART] = restart, [LIFECYCLE_WELL] = serve,
        [LIFECYCLE_TIME] = kill_it,
    },
    [LIFECYCLE_IDLE] = {
        WHILE_IT_SERVES, [LIFECYCLE_USED] = use, [LIFECYCLE_EVICT] = stop_for_others,
    },
    [LIFECYCLE_BUSY] = {WHILE_IT_SERVES, [LIFECYCLE_UNUSED] = leave},
    [LIFECYCLE_STOPPING] = {
        [LIFECYCLE_DRAINED] = end_draining, [LIFECYCLE_ASKED] = end_asking,
        [LIFECYCLE_TIME] = go_on, [LIFECYCLE_EXITED] = end, [LIFECYCLE_DEMAND] = want,
        [LIFECYCLE_START] = start_afterwards, [LIFECYCLE_RESTART] = start_afterwards,
        [LIFECYCLE_STOP] = stop_at_once, [LIFECYCLE_DRAIN] = stop_at_once,
        [LIFECYCLE_SHUTDOWN] = stop_at_once,
    },
    [LIFECYCLE_BACKOFF] = {
        [LIFECYCLE_TIME] = begin_again, [LIFECYCLE_START] = begin_again_by_hand,
        [LIFECYCLE_RESTART] = begin_again_by_hand, [LIFECYCLE_STOP] = hold,
        [LIFECYCLE_DRAIN] = hold, [LIFECYCLE_SHUTDOWN] = stop_for_others,
    },
    [LIFECYCLE_FAILED] = {
        [LIFECYCLE_TIME] = try_again, [LIFECYCLE_START] = begin_again_by_hand,
        [LIFECYCLE_RESTART] = begin_again_by_hand, [LIFECYCLE_STOP] = hold,
        [LIFECYCLE_DRAIN] = hold, [LIFECYCLE_SHUTDOWN] = stop_for_others,
    },
};
/* clang-format on */

void lifecycle_init(struct lifecycle *l, usec_t now)
{
    *l = (struct lifecycle){.state = LIFECYCLE_STOPPED, .since = now, .due = USEC_INFINITY};
}

unsigned lifecycle_take(struct lifecycle *l, const struct lifecycle_rules *r,
                        enum lifecycle_event e, usec_t now, uint64_t random)
{
    struct step s = {l, r, e, now, random};
    step_fn fn = steps[l->state][e];

    if (!fn || (e == LIFECYCLE_TIME && now < l->due))
        return 0;
    return fn(&s);
}

bool lifecycle_is_serving(const struct lifecycle *l)
{
    return l->state == LIFECYCLE_IDLE || l->state == LIFECYCLE_BUSY;
}

enum workers_use lifecycle_use(const struct lifecycle *l)
{
    switch (l->state) {
    case LIFECYCLE_IDLE:
    case LIFECYCLE_BUSY:
        return WORKERS_READY;
    case LIFECYCLE_STARTING:
    case LIFECYCLE_LOADING:
    case LIFECYCLE_BACKOFF:
        return WORKERS_COLD;
    case LIFECYCLE_STOPPED:
    case LIFECYCLE_STOPPING:
        return l->is_held ? WORKERS_AWAY : WORKERS_COLD;
    case LIFECYCLE_FAILED:
    case LIFECYCLE_STATES:
        break;
    }
    return WORKERS_AWAY;
}
