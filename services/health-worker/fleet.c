#include "fleet.h"

#include "fleet_room.h"
#include "fleet_show.h"
#include "io/log.h"
#include "runner.h"
#include "worker_register.h"
#include "worker_sweep.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROOM_RETRY    (200 * USEC_PER_MSEC)
#define MOST_INTERVAL (5 * USEC_PER_SEC)
#define REGISTER      "workers.state"

struct fleet {
    struct fleet_config config;
    struct runner_world world;
    const struct settings *settings;
    struct runner *runners[WORKERS_MAX];
    size_t n;
    bool had_any;
    uint64_t sequence;
    struct loop_timer room, tick;
    struct fleet_show *show;
    char register_path[512];
    struct worker_register_row rows[WORKERS_MAX]; /* what the file says */
    size_t n_rows;
    bool has_begun; /* to write it: until then it is our predecessor's */
    loop_fn on_ended;
    void *on_ended_arg;
};

const char *fleet_result_text(enum fleet_result r)
{
    static const char *const texts[] = {
        [FLEET_OK] = "done",
        [FLEET_NO_WORKER] = "There is no such worker.",
        [FLEET_NO_VERB] = "What can be asked of a worker is start, stop, drain and restart.",
        [FLEET_HELD] = "The worker was stopped by an operator.",
        [FLEET_FAILED] = "The worker has failed too often and is left alone for now.",
        [FLEET_ENDING] = "health-worker is stopping.",
    };

    return texts[r];
}

/* ---- the register ---- */

static bool note_row(struct worker_register_row *row, const struct runner *r)
{
    struct worker_register_row now = {.is_held = r->life.is_held};

    str_copy(now.name, sizeof(now.name), str_from(r->name));
    str_copy(now.tag, sizeof(now.tag), str_from(r->tag));
    bool is_news = memcmp(&now, row, sizeof(now)) != 0;
    *row = now;
    return is_news;
}

static void write_register(struct fleet *f)
{
    bool is_news = f->n_rows != f->n;

    if (!f->has_begun)
        return;
    for (size_t i = 0; i < f->n; i++)
        is_news |= note_row(&f->rows[i], f->runners[i]);
    f->n_rows = f->n;
    if (!is_news)
        return;
    int r = worker_register_write(f->register_path, f->rows, f->n);
    if (r < 0)
        log_warning("cannot write %s: %s, ignoring", f->register_path, strerror(-r));
}

static void read_register(struct fleet *f)
{
    int r = worker_register_read(f->register_path, f->rows, WORKERS_MAX, &f->n_rows);

    if (r < 0 && r != -ENOENT)
        log_warning("cannot read %s: %s, ignoring", f->register_path, strerror(-r));
    for (size_t i = 0; i < f->n_rows; i++) {
        const struct worker_register_row *row = &f->rows[i];
        unsigned n = row->tag[0] ? worker_sweep("", row->tag, NULL) : 0;
        const struct log_field fields[] = {{"LLM_WORKER", row->name}, {NULL, NULL}};
        if (n > 0)
            log_write(LOG_LEVEL_WARNING, fields,
                      "worker %s: killed %u of its processes, which had outlived us", row->name, n);
    }
}

static bool was_held(const struct fleet *f, const char *name)
{
    for (size_t i = 0; i < f->n_rows; i++)
        if (strcmp(f->rows[i].name, name) == 0)
            return f->rows[i].is_held;
    return false;
}

/* ---- leaving ---- */

static bool is_alive(const struct fleet *f, size_t proxy)
{
    return proxies_is_alive(f->config.proxies, proxy, loop_now(f->config.loop));
}

static void note_use(const struct fleet *f, struct runner *r)
{
    r->in_flight = 0;
    for (size_t i = 0; i < PROXIES_MAX; i++)
        if (is_alive(f, i))
            r->in_flight += r->load[i];
    if (lifecycle_is_serving(&r->life))
        runner_tell(r, r->in_flight > 0 ? LIFECYCLE_USED : LIFECYCLE_UNUSED);
}

/* Everyone who may send it requests knows that it leaves, and has none there. */
static bool is_drained(const struct fleet *f, const struct runner *r)
{
    for (size_t i = 0; i < PROXIES_MAX; i++)
        if (is_alive(f, i) && (f->config.proxies->of[i].heard < r->told_at || r->load[i] > 0))
            return false;
    return true;
}

static void look_at_leaving(struct fleet *f)
{
    for (size_t i = 0; i < f->n; i++) {
        struct runner *r = f->runners[i];
        if (r->life.state == LIFECYCLE_STOPPING && r->life.phase == LIFECYCLE_DRAINING &&
            is_drained(f, r))
            runner_tell(r, LIFECYCLE_DRAINED);
    }
}

/* ---- what changes ---- */

static void on_room(void *arg)
{
    struct fleet *f = arg;

    if (fleet_room_serve(f->runners, f->n, f->config.machine, f->settings))
        loop_timer_start(&f->room, ROOM_RETRY);
}

static bool has_worker(const struct settings *s, const char *provider)
{
    for (size_t i = 0; i < s->n_workers; i++)
        if (strcmp(s->workers[i].provider, provider) == 0)
            return true;
    return false;
}

static void drop_gone(struct fleet *f)
{
    size_t kept = 0;

    for (size_t i = 0; i < f->n; i++) {
        struct runner *r = f->runners[i];
        if (r->settings || r->life.is_running) {
            f->runners[kept++] = r;
            continue;
        }
        fleet_show_removed(f->show);
        if (!has_worker(f->settings, r->provider)) /* it is one as any other */
            f->config.on_use(f->config.arg, str_from(r->provider), WORKERS_READY);
        runner_free(&r);
    }
    f->n = kept;
}

static bool is_all_stopped(const struct fleet *f)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->runners[i]->life.is_running)
            return false;
    return true;
}

static void on_change(void *arg, struct runner *r)
{
    struct fleet *f = arg;

    if (r->life.state == LIFECYCLE_STOPPING)
        r->told_at = f->sequence + 1; /* the list that goes out now */
    write_register(f);
    f->config.publish(f->config.arg);
    f->config.on_use(f->config.arg, str_from(r->provider), lifecycle_use(&r->life));
    loop_timer_start(&f->room, 0);
    loop_timer_start(&f->tick, 0);
}

/* Not from within a runner: some are dropped here. */
static void on_tick(void *arg)
{
    struct fleet *f = arg;

    drop_gone(f);
    for (size_t i = 0; i < f->n; i++)
        note_use(f, f->runners[i]); /* a proxy may have fallen silent */
    look_at_leaving(f);
    if (f->on_ended && is_all_stopped(f)) {
        f->on_ended(f->on_ended_arg);
        return;
    }
    loop_timer_start(&f->tick, USEC_PER_SEC);
}

/* ---- the set ---- */

static struct runner *find(const struct fleet *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->runners[i]->name, name) == 0)
            return f->runners[i];
    return NULL;
}

static const struct settings_worker *find_settings(const struct settings *s, const char *name)
{
    for (size_t i = 0; i < s->n_workers; i++)
        if (strcmp(s->workers[i].name, name) == 0)
            return &s->workers[i];
    return NULL;
}

static usec_t patience_of(const struct settings *s, const struct settings_worker *w)
{
    const struct settings_provider *p = settings_find_provider(s, w->provider);

    return p && p->timeouts.total > 0 ? p->timeouts.total : 600 * USEC_PER_SEC;
}

static void add(struct fleet *f, const struct settings_worker *w)
{
    bool is_held = was_held(f, w->name);
    struct runner *r = runner_new(&f->world, w->name);

    (void)!runner_configure(r, w, patience_of(f->settings, w));
    f->runners[f->n++] = r;
    f->had_any = true;
    f->config.on_use(f->config.arg, str_from(r->provider), lifecycle_use(&r->life));
    if (is_held)
        runner_tell(r, LIFECYCLE_STOP);
    else if (w->idle_stop == 0)
        runner_tell(r, LIFECYCLE_START);
}

/* A worker that no longer is configured first stops; while it does there may be one too many. What
 * was changed may be what let it fail. */
static void reconfigure(struct fleet *f, struct runner *r)
{
    const struct settings_worker *w = find_settings(f->settings, r->name);
    bool is_moved = w && strcmp(w->provider, r->provider) != 0;
    if (is_moved && !has_worker(f->settings, r->provider))
        f->config.on_use(f->config.arg, str_from(r->provider), WORKERS_READY); /* as any other */
    bool is_changed = runner_configure(r, w, w ? patience_of(f->settings, w) : 0);
    if (is_moved)
        f->config.on_use(f->config.arg, str_from(r->provider), lifecycle_use(&r->life));
    bool is_new = is_changed || r->life.state == LIFECYCLE_STOPPED;

    if (!w)
        runner_tell(r, LIFECYCLE_STOP);
    else if (is_changed && r->life.is_running)
        runner_tell(r, LIFECYCLE_RESTART);
    else if (is_new && !r->life.is_running && !r->life.is_held && w->idle_stop == 0)
        runner_tell(r, LIFECYCLE_START);
    else
        runner_tell(r, LIFECYCLE_TOUCHED); /* idle_stop may be another */
}

static void set_world(struct fleet *f, const struct settings *s)
{
    f->world.node = s->health.node_id;
    f->world.check_interval =
        s->health.interval < MOST_INTERVAL ? s->health.interval : MOST_INTERVAL;
    snprintf(f->register_path, sizeof(f->register_path), "%s/" REGISTER, s->paths.state);
}

/* Only as the main process of a service may the group it is in be taken for its own. */
static void open_cgroups(struct fleet *f)
{
    const char *main_process = getenv("SYSTEMD_EXEC_PID");

    if (!main_process || atol(main_process) != (long)getpid())
        return;
    worker_cgroup_open(WORKER_CGROUP_FS, "/proc/self/cgroup", &f->world.cgroups);
    if (f->world.cgroups.path[0])
        log_info("local workers run in control groups of their own%s",
                 f->world.cgroups.has_memory ? "" : ", which cannot limit their memory here");
}

void fleet_configure(struct fleet *f, const struct settings *s)
{
    bool is_first = !f->settings;

    f->settings = s;
    set_world(f, s);
    if (is_first) {
        read_register(f);
        if (s->n_workers > 0)
            open_cgroups(f);
    }
    for (size_t i = 0; i < f->n; i++)
        reconfigure(f, f->runners[i]);
    for (size_t i = 0; i < s->n_workers; i++) {
        if (find(f, s->workers[i].name))
            continue;
        if (f->n < WORKERS_MAX)
            add(f, &s->workers[i]);
        else
            log_warning("worker %s is left out: at most %d can be run", s->workers[i].name,
                        WORKERS_MAX);
    }
    f->has_begun = true;
    write_register(f);
    loop_timer_start(&f->tick, 0);
}

struct fleet *fleet_new(const struct fleet_config *c)
{
    struct fleet *f = calloc(1, sizeof(*f));

    if (!f)
        abort();
    f->config = *c;
    f->sequence = loop_wall(c->loop) / 1000; /* above our predecessor's */
    f->world = (struct runner_world){
        .loop = c->loop,
        .fetches = c->fetches,
        .shard = c->shard,
        .on_change = on_change,
        .arg = f,
    };
    f->show = fleet_show_new(c->shard);
    loop_timer_init(&f->room, c->loop, on_room, f);
    loop_timer_init(&f->tick, c->loop, on_tick, f);
    return f;
}

void fleet_free(struct fleet **f)
{
    if (!*f)
        return;
    loop_timer_stop(&(*f)->room);
    loop_timer_stop(&(*f)->tick);
    for (size_t i = 0; i < (*f)->n; i++)
        runner_free(&(*f)->runners[i]);
    fleet_show_free(&(*f)->show);
    free(*f);
    *f = NULL;
}

/* ---- asked from outside ---- */

static struct runner *find_either(const struct fleet *f, struct str name)
{
    for (size_t i = 0; i < f->n; i++)
        if (str_is(name, f->runners[i]->name))
            return f->runners[i];
    for (size_t i = 0; i < f->n; i++)
        if (str_is(name, f->runners[i]->provider))
            return f->runners[i];
    return NULL;
}

static enum fleet_result demand(struct runner *r)
{
    runner_tell(r, LIFECYCLE_DEMAND);
    if (r->life.state == LIFECYCLE_FAILED)
        return FLEET_FAILED;
    return r->life.is_held ? FLEET_HELD : FLEET_OK;
}

enum fleet_result fleet_ask(struct fleet *f, struct str verb, struct str name)
{
    static const struct {
        const char *verb;
        enum lifecycle_event event;
    } verbs[] = {{"start", LIFECYCLE_START},
                 {"stop", LIFECYCLE_STOP},
                 {"drain", LIFECYCLE_DRAIN},
                 {"restart", LIFECYCLE_RESTART}};
    struct runner *r = find_either(f, name);

    if (!r || !r->settings)
        return FLEET_NO_WORKER;
    if (f->on_ended)
        return FLEET_ENDING;
    if (str_is(verb, "demand"))
        return demand(r);
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (!str_is(verb, verbs[i].verb))
            continue;
        runner_tell(r, verbs[i].event);
        write_register(f);
        loop_timer_start(&f->tick, 0);
        return FLEET_OK;
    }
    return FLEET_NO_VERB;
}

bool fleet_list(struct fleet *f, struct workers_list *ret)
{
    if (!f->had_any)
        return false;
    ret->sequence = ++f->sequence;
    ret->n = f->n;
    for (size_t i = 0; i < f->n; i++)
        runner_describe(f->runners[i], &ret->one[i]);
    return true;
}

void fleet_refresh(struct fleet *f)
{
    fleet_show_now(f->show, f->runners, f->n);
}

void fleet_write(const struct fleet *f, struct json_write *w)
{
    struct workers_one one;

    json_write_begin(w, '[');
    for (size_t i = 0; i < f->n; i++) {
        runner_describe(f->runners[i], &one);
        workers_write_one(w, &one);
    }
    json_write_end(w, ']');
}

/* ---- what the proxies say ---- */

static uint64_t find_load(const struct load *l, const char *provider)
{
    for (size_t i = 0; i < l->n; i++)
        if (str_is(l->of[i].provider, provider))
            return l->of[i].in_flight;
    return 0;
}

void fleet_load(struct fleet *f, size_t proxy, const struct load *l)
{
    for (size_t i = 0; i < f->n; i++) {
        f->runners[i]->load[proxy] = find_load(l, f->runners[i]->provider);
        note_use(f, f->runners[i]);
    }
    look_at_leaving(f);
}

void fleet_touch(struct fleet *f, struct str provider)
{
    for (size_t i = 0; i < f->n; i++)
        if (str_is(provider, f->runners[i]->provider))
            runner_tell(f->runners[i], LIFECYCLE_TOUCHED);
}

void fleet_end(struct fleet *f, loop_fn fn, void *arg)
{
    f->on_ended = fn;
    f->on_ended_arg = arg;
    for (size_t i = 0; i < f->n; i++)
        runner_tell(f->runners[i], LIFECYCLE_SHUTDOWN);
    loop_timer_start(&f->tick, 0);
}
