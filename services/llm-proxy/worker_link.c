#include "worker_link.h"

#include "audit_events.h"
#include "base/digest.h"
#include "base/json.h"
#include "proto/control.h"
#include "proto/load.h"
#include "proto/message.h"
#include "proto/node_state.h"
#include "upstream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LIST  (4u << 20) /* taken apart */
#define MAX_TEXT  (256u << 10)
#define MAX_CALLS 64
#define ROUND     (100 * USEC_PER_MSEC)
#define REMINDER  USEC_PER_SEC       /* of who waits for a cold one */
#define PATIENCE  (5 * USEC_PER_SEC) /* for an answer */
#define MAX_AGE   STANDING_HEALTH_MAX_AGE

struct call {
    uint64_t id; /* 0: free */
    usec_t until;
    worker_link_fn fn; /* NULL: nobody waits for the answer */
    void *arg;
};

struct worker_link {
    struct loop *loop;
    const struct map *upstreams;
    struct bus_socket *loads, *control;
    struct audit *audit;
    struct workers_list list; /* the last, in `arena` */
    struct load load;         /* the last that was sent */
    usec_t sent_at;
    struct arena arena, fresh;
    usec_t heard_at;
    usec_t wanted_at[WORKERS_MAX]; /* health-worker was last told so, of each of the list */
    struct loop_timer round;
    struct call calls[MAX_CALLS];
    uint64_t last_id;
};

/* ---- telling health-worker ---- */

static enum bus_result send_message(struct bus_socket *s, enum message_type type, uint64_t id,
                                    struct str body)
{
    struct message_header header = {.type = type, .correlation_id = id};
    uint8_t head[MESSAGE_HEADER_SIZE];

    struct bus_message m = {.frame = {message_encode(&header, head), body}, .n = 2};
    return bus_socket_send(s, &m);
}

static uint64_t in_flight_at(const struct worker_link *w, struct str provider)
{
    struct upstream *u = map_find(w->upstreams, provider);

    return u ? upstream_look(u, loop_now(w->loop)).in_flight : 0;
}

static uint64_t in_flight(const struct worker_link *w)
{
    uint64_t sum = 0;
    size_t cursor = 0;
    struct str name;
    void *upstream;

    while (map_next(w->upstreams, &cursor, &name, &upstream))
        sum += upstream_look(upstream, loop_now(w->loop)).in_flight;
    return sum;
}

/* True when something changed since the last. */
static bool measure(struct worker_link *w)
{
    struct load *l = &w->load;
    uint64_t active = in_flight(w);
    bool is_news = l->n != w->list.n || l->active_requests != active;

    l->active_requests = active;
    l->node = w->list.node;
    l->heard = w->list.sequence;
    l->n = w->list.n;
    for (size_t i = 0; i < l->n; i++) {
        uint64_t there = in_flight_at(w, w->list.one[i].provider);
        is_news |= l->of[i].in_flight != there;
        l->of[i].provider = w->list.one[i].provider;
        l->of[i].in_flight = there;
    }
    return is_news;
}

static void send_load(struct worker_link *w)
{
    CLEANUP(buf_done) struct buf body;

    buf_init(&body, MAX_TEXT);
    w->sent_at = loop_now(w->loop);
    if (load_encode(&w->load, &body) == BUF_OK &&
        send_message(w->loads, MESSAGE_LOAD, 0, buf_str(&body)) != BUS_OK)
        return; /* the next follows within a second */
}

/* ---- asking it ---- */

static struct call *find_call(struct worker_link *w, uint64_t id)
{
    for (size_t i = 0; i < MAX_CALLS; i++)
        if (w->calls[i].id == id)
            return &w->calls[i];
    return NULL;
}

static void end_call(struct call *c, enum worker_link_result result, struct str problem)
{
    struct call ended = *c;

    c->id = 0;
    if (ended.fn)
        ended.fn(ended.arg, result, problem);
}

void worker_link_ask(struct worker_link *w, struct str verb, struct str name, worker_link_fn fn,
                     void *arg)
{
    const struct control_request r = {verb, name};
    struct call *c = find_call(w, 0);
    CLEANUP(buf_done) struct buf body;

    buf_init(&body, MAX_TEXT);
    if (!c || control_encode(&r, &body) != BUF_OK ||
        send_message(w->control, MESSAGE_CONTROL, w->last_id + 1, buf_str(&body)) != BUS_OK) {
        if (fn)
            fn(arg, WORKER_LINK_SILENT, STR_EMPTY);
        return;
    }
    *c = (struct call){++w->last_id, loop_now(w->loop) + PATIENCE, fn, arg};
}

static void on_reply(void *arg, struct bus_socket *s, const struct bus_message *m)
{
    struct worker_link *w = arg;
    struct message_header header;
    const struct json_value *root;
    struct str problem = STR_EMPTY;
    struct arena a;
    size_t offset;
    bool is_ok = false;

    if (m->n != 2 || message_decode(m->frame[0], &header) != MESSAGE_OK ||
        header.type != MESSAGE_CONTROL_REPLY) {
        bus_socket_count_invalid(s);
        return;
    }
    struct call *c = header.correlation_id > 0 ? find_call(w, header.correlation_id) : NULL;
    if (!c)
        return; /* too late */
    arena_init(&a, MAX_TEXT);
    if (json_parse(&a, m->frame[1], &root, &offset) == JSON_OK &&
        json_bool(json_get(root, "ok"), &is_ok) && !is_ok)
        (void)!json_string(json_get(root, "problem"), &a, &problem);
    end_call(c, is_ok ? WORKER_LINK_OK : WORKER_LINK_REFUSED, problem);
    arena_done(&a);
}

static void end_late_calls(struct worker_link *w, usec_t now)
{
    for (size_t i = 0; i < MAX_CALLS; i++)
        if (w->calls[i].id != 0 && now >= w->calls[i].until)
            end_call(&w->calls[i], WORKER_LINK_SILENT, STR_EMPTY);
}

/* ---- hearing of workers ---- */

static enum upstream_worker worker_of(enum workers_use u)
{
    switch (u) {
    case WORKERS_AWAY:
        return UPSTREAM_WORKER_AWAY;
    case WORKERS_COLD:
        return UPSTREAM_WORKER_COLD;
    case WORKERS_READY:
        return UPSTREAM_WORKER_READY;
    }
    return UPSTREAM_WORKER_AWAY;
}

static const struct workers_one *find_one(const struct workers_list *l, struct str name)
{
    for (size_t i = 0; i < l->n; i++)
        if (str_equal(l->one[i].name, name))
            return &l->one[i];
    return NULL;
}

static void set_use(const struct worker_link *w, struct str provider, enum upstream_worker use)
{
    struct upstream *u = map_find(w->upstreams, provider);

    if (u)
        upstream_set_worker(u, use, loop_now(w->loop));
}

/* Those that the new list has no longer are workers no longer. */
static void forget_gone(const struct worker_link *w, const struct workers_list *fresh)
{
    for (size_t i = 0; i < w->list.n; i++)
        if (!find_one(fresh, w->list.one[i].name))
            set_use(w, w->list.one[i].provider, UPSTREAM_NO_WORKER);
}

static void audit_changes(const struct worker_link *w, const struct workers_list *fresh)
{
    for (size_t i = 0; i < fresh->n; i++) {
        const struct workers_one *now = &fresh->one[i], *then = find_one(&w->list, now->name);
        if (then && !str_equal(now->state, then->state))
            audit_events_worker(w->audit, now, then->state);
    }
}

/* Its texts are in w->fresh. */
static void adopt(struct worker_link *w, const struct workers_list *fresh)
{
    struct arena old = w->arena;

    forget_gone(w, fresh);
    audit_changes(w, fresh);
    w->list = *fresh;
    w->arena = w->fresh;
    w->fresh = old;
    for (size_t i = 0; i < w->list.n; i++)
        set_use(w, w->list.one[i].provider, worker_of(w->list.one[i].use));
    w->heard_at = loop_now(w->loop);
    (void)measure(w);
    send_load(w);
}

void worker_link_hear(struct worker_link *w, struct str list)
{
    static struct workers_list fresh; /* too big for the stack */

    arena_clear(&w->fresh);
    const char *text = arena_copy(&w->fresh, list);
    if (text && workers_decode(&w->fresh, (struct str){text, list.len}, &fresh))
        adopt(w, &fresh);
}

void worker_link_hear_model(const struct worker_link *w, const struct model_news *n)
{
    audit_events_model(w->audit, n);
}

/* health-worker is gone, and its workers with it, or it cannot be heard: then each is a provider
 * like others, until it is heard again. */
static void forget_all(struct worker_link *w)
{
    for (size_t i = 0; i < w->list.n; i++)
        set_use(w, w->list.one[i].provider, UPSTREAM_NO_WORKER);
    w->list.n = 0;
    w->list.node = STR_EMPTY;
}

static void ask_for_wanted(struct worker_link *w, usec_t now)
{
    for (size_t i = 0; i < w->list.n; i++) {
        const struct workers_one *one = &w->list.one[i];
        struct upstream *u = map_find(w->upstreams, one->provider);
        bool is_stopped = str_is(one->state, "stopped") || str_is(one->state, "stopping");
        if (!u || !is_stopped || now < w->wanted_at[i] + REMINDER || !upstream_take_want(u))
            continue;
        w->wanted_at[i] = now;
        worker_link_ask(w, STR("demand"), one->name, NULL, NULL);
    }
}

static void on_round(void *arg)
{
    struct worker_link *w = arg;
    usec_t now = loop_now(w->loop);

    if (w->list.n > 0 && now >= w->heard_at + MAX_AGE)
        forget_all(w);
    ask_for_wanted(w, now);
    end_late_calls(w, now);
    if (measure(w) || now - w->sent_at >= NODE_STATE_HEARTBEAT)
        send_load(w);
    loop_timer_start(&w->round, ROUND);
}

/* ---- coming and going ---- */

static int open_socket(struct worker_link *w, struct bus *b, const struct settings *s,
                       struct bus_socket_config c, struct bus_socket **ret)
{
    char endpoint[512];

    snprintf(endpoint, sizeof(endpoint), "ipc://%s/%s", s->paths.runtime, c.endpoint);
    c.endpoint = endpoint;
    c.arg = w;
    return bus_socket_new(b, w->loop, &c, ret);
}

int worker_link_new(struct bus *b, struct loop *l, const struct settings *s,
                    const struct map *upstreams, struct worker_link **ret)
{
    CLEANUP(worker_link_free) struct worker_link *w = calloc(1, sizeof(*w));

    if (!w)
        abort();
    w->loop = l;
    w->upstreams = upstreams;
    arena_init(&w->arena, MAX_LIST);
    arena_init(&w->fresh, MAX_LIST);
    digest_random(&w->load.proxy, sizeof(w->load.proxy));
    w->load.proxy |= 1;
    loop_timer_init(&w->round, l, on_round, w);
    int r = open_socket(w, b, s, (struct bus_socket_config){BUS_PUSH, .endpoint = "outcomes.sock"},
                        &w->loads);
    if (r == 0)
        r = open_socket(w, b, s,
                        (struct bus_socket_config){BUS_DEALER, .endpoint = "control.sock",
                                                   .on_message = on_reply},
                        &w->control);
    if (r < 0)
        return r;
    loop_timer_start(&w->round, ROUND);
    *ret = TAKE(w);
    return 0;
}

void worker_link_free(struct worker_link **w)
{
    struct worker_link *old = TAKE(*w);

    if (!old)
        return;
    loop_timer_stop(&old->round);
    for (size_t i = 0; i < MAX_CALLS; i++)
        if (old->calls[i].id != 0)
            end_call(&old->calls[i], WORKER_LINK_SILENT, STR_EMPTY);
    bus_socket_free(&old->loads);
    bus_socket_free(&old->control);
    arena_done(&old->arena);
    arena_done(&old->fresh);
    free(old);
}

void worker_link_leave(struct worker_link *w)
{
    if (!w)
        return;
    loop_timer_stop(&w->round);
    w->load.active_requests = 0;
    w->load.heard = UINT64_MAX;
    w->load.n = 0;
    send_load(w);
}

void worker_link_set_audit(struct worker_link *w, struct audit *a)
{
    w->audit = a;
}

void worker_link_write(const struct worker_link *w, struct json_write *out)
{
    json_write_begin(out, '[');
    for (size_t i = 0; i < w->list.n; i++)
        workers_write_one(out, &w->list.one[i]);
    json_write_end(out, ']');
}
