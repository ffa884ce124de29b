#include "monitor.h"

#include "base/digest.h"
#include "engine.h"
#include "health_metrics.h"
#include "io/log.h"
#include "paid_probe.h"
#include "probe.h"
#include "schedule.h"
#include "settings/secret.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

struct trial {
    struct watched *of;
    struct probe *probe; /* NULL: none */
};

struct watched {
    struct monitor *monitor;
    char *name;
    const struct settings_provider *settings; /* NULL: no longer configured */
    char *credential;
    struct verdict verdict;
    struct trial trials[VERDICT_DOWN_AFTER]; /* under way */
    unsigned n_trials;
    usec_t tried_at; /* for the last time */
    struct engine *engine;
    struct paid_probe *paid; /* NULL: none is configured */
    struct loop_timer timer;
    TAILQ_ENTRY(watched) link; /* while it waits for its turn */
    bool is_waiting;
    bool is_asleep;
    uint32_t models;
    usec_t since_wall, last_success_wall;
    double latency_ms;
    struct history_recent recent;
    char paid_result[64]; /* of the last paid probe; "" none yet */
    usec_t paid_wall;
};

struct monitor {
    struct loop *loop;
    struct fetch_pool *fetches;
    struct metrics_shard *shard;
    struct history *history;
    monitor_change_fn on_change;
    void *arg;
    struct watched *watched[HEALTH_MAX_PROVIDERS];
    size_t n;
    unsigned n_probes;
    TAILQ_HEAD(, watched) waiting; /* to be probed: as many as may be are under way */
    uint64_t random;
};

static uint64_t next_random(struct monitor *m)
{
    m->random ^= m->random << 13;
    m->random ^= m->random >> 7;
    m->random ^= m->random << 17;
    return m->random;
}

/* ---- what is shown of a provider ---- */

static void describe(const struct watched *w, struct health_provider *ret)
{
    *ret = (struct health_provider){
        .name = str_from(w->name),
        .state = w->verdict.state,
        .reason = str_from(verdict_reason(&w->verdict)),
        .since_ms = w->since_wall / 1000,
        .last_success_ms = w->last_success_wall / 1000,
        .consecutive_failures = w->verdict.failures,
        .latency_ms = w->latency_ms,
        .models = w->models,
        .engine = w->engine ? engine_describe(w->engine) : health_engine_none(),
    };
}

static void show_number(const struct watched *w, unsigned metric, double value)
{
    const char *name = w->name;
    struct metrics_series *s = metrics_find(w->monitor->shard, metric, &name);

    if (isnan(value))
        metrics_remove(s);
    else
        metrics_set(s, value);
}

static void show_engine(const struct watched *w)
{
    struct health_engine e = w->engine ? engine_describe(w->engine) : health_engine_none();

    show_number(w, METRIC_models_loaded, e.loaded);
    show_number(w, METRIC_provider_requests_running, e.running);
    show_number(w, METRIC_provider_requests_waiting, e.waiting);
    show_number(w, METRIC_provider_kv_cache_usage_ratio, e.kv_cache_usage);
}

/* Of one that sleeps neither good nor bad can be said. */
static void show_state(const struct watched *w)
{
    const char *backend = catalogue_backend_text(w->settings->backend);
    const char *name[] = {w->name}, *name_backend[] = {w->name, backend};
    struct metrics_shard *s = w->monitor->shard;

    if (w->is_asleep) {
        metrics_remove(metrics_find(s, METRIC_provider_status, name_backend));
        metrics_remove(metrics_find(s, METRIC_provider_state, name));
        return;
    }
    metrics_gauge(s, METRIC_provider_status, w->verdict.state == HEALTH_HEALTHY, w->name, backend);
    metrics_gauge(s, METRIC_provider_state, w->verdict.state, w->name);
}

static void show(const struct watched *w)
{
    struct metrics_shard *s = w->monitor->shard;
    const struct verdict *v = &w->verdict;

    show_state(w);
    metrics_gauge(s, METRIC_provider_consecutive_failures, v->failures, w->name);
    show_engine(w);
    if (w->models > 0)
        metrics_gauge(s, METRIC_provider_models, w->models, w->name);
    if (w->last_success_wall > 0)
        metrics_gauge(s, METRIC_provider_last_success_timestamp_seconds,
                      (double)w->last_success_wall / (double)USEC_PER_SEC, w->name);
}

static void keep_state(struct watched *w)
{
    const struct verdict *v = &w->verdict;
    struct history_state state = {
        .state = v->state,
        .reason = v->reason,
        .failures = v->failures,
        .models = w->models,
        .since_ms = w->since_wall / 1000,
        .last_success_ms = w->last_success_wall / 1000,
        .at_ms = loop_wall(w->monitor->loop) / 1000,
    };

    history_set_state(w->monitor->history, w->name, &state);
}

static void tell_change(struct watched *w, enum health_state before)
{
    struct health_provider p;

    w->since_wall = loop_wall(w->monitor->loop);
    describe(w, &p);
    w->monitor->on_change(w->monitor->arg, &p, before);
    struct history_change c = {w->since_wall / 1000, before, p.state, ""};
    str_copy(c.reason, sizeof(c.reason), p.reason);
    keep_state(w);
    history_add_change(w->monitor->history, w->name, &c, &w->recent);
}

/* ---- probing ---- */

static void start_probe(struct watched *w);

static void on_timer(void *arg)
{
    struct watched *w = arg;

    if (w->n_trials < verdict_probes_wanted(&w->verdict))
        start_probe(w);
}

static void wait_for_next(struct watched *w, bool is_in_doubt)
{
    usec_t wait = schedule_next(w->settings->probe.interval, is_in_doubt, next_random(w->monitor));
    usec_t waited = loop_now(w->monitor->loop) - w->tried_at;

    loop_timer_start(&w->timer, wait > waited ? wait - waited : 0);
}

static void on_reading(void *arg)
{
    struct watched *w = arg;
    struct health_provider p;

    show_engine(w);
    describe(w, &p);
    w->monitor->on_change(w->monitor->arg, &p, w->verdict.state);
}

static void count_answer(struct watched *w, const struct probe_answer *answer)
{
    struct metrics_shard *s = w->monitor->shard;

    metrics_count(s, METRIC_health_checks_total, 1, w->name, verdict_result_text(answer->result));
    metrics_sample(s, METRIC_health_check_duration_seconds,
                   (double)answer->duration / (double)USEC_PER_SEC, w->name);
    struct history_probe p = {loop_wall(w->monitor->loop) / 1000, answer->result, answer->status,
                              answer->duration};
    history_add_probe(w->monitor->history, w->name, &p, &w->recent);
}

static void start_next(struct monitor *m)
{
    for (struct watched *w; m->n_probes < MONITOR_MAX_PROBES && (w = TAILQ_FIRST(&m->waiting));) {
        TAILQ_REMOVE(&m->waiting, w, link);
        w->is_waiting = false;
        start_probe(w);
    }
}

static void on_answer(void *arg, const struct probe_answer *answer)
{
    struct trial *t = arg;
    struct watched *w = t->of;
    struct monitor *m = w->monitor;
    enum health_state before = w->verdict.state;

    t->probe = NULL;
    w->n_trials--;
    m->n_probes--;
    w->latency_ms = (double)answer->duration / 1000.0;
    count_answer(w, answer);
    if (answer->result == VERDICT_OK) {
        w->last_success_wall = loop_wall(m->loop);
        w->models = answer->models;
        engine_go_on(w->engine, answer->engine);
    } else {
        engine_stop(w->engine);
    }
    bool has_changed = verdict_probe(&w->verdict, answer->result, loop_now(m->loop));
    show(w);
    wait_for_next(w, verdict_is_in_doubt(&w->verdict));
    if (has_changed)
        tell_change(w, before);
    else
        keep_state(w);
    start_next(m);
}

static void start_probe(struct watched *w)
{
    struct monitor *m = w->monitor;
    struct trial *t = w->trials;

    if (w->is_waiting || w->is_asleep)
        return;
    loop_timer_stop(&w->timer);
    if (m->n_probes >= MONITOR_MAX_PROBES) {
        if (w->n_trials > 0)
            return; /* a first one of others is more urgent */
        TAILQ_INSERT_TAIL(&m->waiting, w, link);
        w->is_waiting = true;
        return;
    }
    while (t->probe)
        t++;
    *t = (struct trial){w,
                        probe_start(m->fetches, m->loop, w->settings, w->credential, on_answer, t)};
    m->n_probes++;
    w->n_trials++;
    w->tried_at = loop_now(m->loop);
    wait_for_next(w, true);
}

/* That it was not made is told when it begins to be so. */
static void on_paid(void *arg, const struct paid_probe_answer *a)
{
    struct watched *w = arg;
    struct monitor *m = w->monitor;
    enum health_state before = w->verdict.state;
    const char *result = a->was_made ? verdict_result_text(a->result) : a->why;

    if (!a->was_made && strcmp(result, w->paid_result) != 0)
        log_warning("provider %s: the paid probe was not made: %s", w->name, result);
    str_copy(w->paid_result, sizeof(w->paid_result), str_from(result));
    w->paid_wall = loop_wall(m->loop);
    metrics_count(m->shard, METRIC_health_paid_checks_total, 1, w->name,
                  a->was_made ? result : "not_made");
    if (!a->was_made || w->is_asleep || !verdict_paid(&w->verdict, a->result, loop_now(m->loop)))
        return;
    show(w);
    tell_change(w, before);
}

/* ---- the set of providers ---- */

static struct watched *find(const struct monitor *m, struct str name)
{
    for (size_t i = 0; i < m->n; i++)
        if (str_is(name, m->watched[i]->name))
            return m->watched[i];
    return NULL;
}

static void cancel_probe(struct watched *w)
{
    w->monitor->n_probes -= w->n_trials;
    w->n_trials = 0;
    for (unsigned i = 0; i < VERDICT_DOWN_AFTER; i++)
        probe_cancel(&w->trials[i].probe);
    if (w->is_waiting)
        TAILQ_REMOVE(&w->monitor->waiting, w, link);
    w->is_waiting = false;
    loop_timer_stop(&w->timer);
}

static void stop_probe(struct watched *w)
{
    cancel_probe(w);
    engine_free(&w->engine);
    paid_probe_free(&w->paid);
}

static void free_watched(struct watched *w)
{
    stop_probe(w);
    secret_free(&w->credential);
    free(w->name);
    free(w);
}

static void remember(struct watched *w)
{
    struct monitor *m = w->monitor;
    struct history_state s;

    if (!history_load(m->history, w->name, loop_wall(m->loop) / 1000, &s, &w->recent))
        return;
    verdict_restore(&w->verdict, s.state, s.reason, s.failures, loop_now(m->loop));
    w->models = s.models;
    w->since_wall = s.since_ms * 1000;
    w->last_success_wall = s.last_success_ms * 1000;
}

static struct watched *add(struct monitor *m, const char *name)
{
    struct watched *w = calloc(1, sizeof(*w));

    if (!w || !(w->name = strdup(name)))
        abort();
    w->monitor = m;
    w->since_wall = loop_wall(m->loop);
    loop_timer_init(&w->timer, m->loop, on_timer, w);
    m->watched[m->n++] = w;
    remember(w);
    return w;
}

static void configure(struct watched *w, const struct settings *s,
                      const struct settings_provider *p)
{
    char why[256];

    stop_probe(w);
    w->settings = p;
    secret_free(&w->credential);
    if (secret_read(&p->api_key, &w->credential, why, sizeof(why)) < 0)
        log_warning("provider %s is probed without its key: %s", p->name, why);
    w->engine = engine_new(w->monitor->fetches, w->monitor->loop, p, w->credential);
    engine_set_fn(w->engine, on_reading, w);
    w->paid = paid_probe_new(w->monitor->fetches, w->monitor->loop, s, p);
    if (w->paid)
        paid_probe_start(w->paid, on_paid, w);
    else
        w->verdict.is_paid_failing = false;
    show(w);
    loop_timer_start(&w->timer, schedule_first(p->probe.interval, next_random(w->monitor)));
}

static void forget_series(struct watched *w)
{
    struct metrics_shard *s = w->monitor->shard;
    const char *name[] = {w->name};
    const char *name_backend[] = {w->name, catalogue_backend_text(w->settings->backend)};

    metrics_remove(metrics_find(s, METRIC_provider_status, name_backend));
    metrics_remove(metrics_find(s, METRIC_provider_state, name));
    metrics_remove(metrics_find(s, METRIC_provider_consecutive_failures, name));
    metrics_remove(metrics_find(s, METRIC_provider_models, name));
    metrics_remove(metrics_find(s, METRIC_provider_last_success_timestamp_seconds, name));
    stop_probe(w);
    show_engine(w); /* there is none any more */
}

static bool is_configured(const struct settings *s, const char *name)
{
    return settings_find_provider(s, name) != NULL;
}

static void drop_unconfigured(struct monitor *m, const struct settings *s)
{
    size_t kept = 0;

    for (size_t i = 0; i < m->n; i++) {
        struct watched *w = m->watched[i];
        if (is_configured(s, w->name)) {
            m->watched[kept++] = w;
            continue;
        }
        forget_series(w);
        free_watched(w);
    }
    m->n = kept;
}

void monitor_configure(struct monitor *m, const struct settings *s)
{
    drop_unconfigured(m, s);
    for (size_t i = 0; i < s->n_providers; i++) {
        const struct settings_provider *p = &s->providers[i];
        struct watched *w = find(m, str_from(p->name));
        if (!w && m->n == HEALTH_MAX_PROVIDERS) {
            log_warning("provider %s is not watched: at most %d are", p->name,
                        HEALTH_MAX_PROVIDERS);
            continue;
        }
        configure(w ? w : add(m, p->name), s, p);
    }
}

struct monitor *monitor_new(const struct monitor_tools *tools, monitor_change_fn on_change,
                            void *arg)
{
    struct monitor *m = calloc(1, sizeof(*m));

    if (!m)
        abort();
    m->loop = tools->loop;
    m->fetches = tools->fetches;
    m->shard = tools->shard;
    m->history = tools->history;
    m->on_change = on_change;
    m->arg = arg;
    TAILQ_INIT(&m->waiting);
    digest_random(&m->random, sizeof(m->random));
    m->random |= 1;
    return m;
}

void monitor_free(struct monitor **m)
{
    if (!*m)
        return;
    for (size_t i = 0; i < (*m)->n; i++)
        free_watched((*m)->watched[i]);
    free(*m);
    *m = NULL;
}

void monitor_outcome(struct monitor *m, const struct outcome *o)
{
    struct watched *w = find(m, o->provider);

    if (!w || w->is_asleep)
        return;
    enum health_state before = w->verdict.state;
    bool has_changed =
        verdict_outcome(&w->verdict, o->kind,
                        o->count < UINT32_MAX ? (uint32_t)o->count : UINT32_MAX, loop_now(m->loop));
    if (!has_changed)
        return;
    show(w);
    tell_change(w, before);
}

bool monitor_check(struct monitor *m, struct str name)
{
    bool found = name.len == 0;

    for (size_t i = 0; i < m->n; i++) {
        if (name.len > 0 && !str_is(name, m->watched[i]->name))
            continue;
        found = true;
        if (m->watched[i]->n_trials == 0)
            start_probe(m->watched[i]);
    }
    return found;
}

void monitor_set_asleep(struct monitor *m, struct str name, bool is_asleep)
{
    struct watched *w = find(m, name);

    if (!w || w->is_asleep == is_asleep)
        return;
    w->is_asleep = is_asleep;
    cancel_probe(w);
    engine_stop(w->engine);
    w->verdict = (struct verdict){.state = HEALTH_UNKNOWN};
    w->since_wall = loop_wall(m->loop);
    w->models = 0;
    keep_state(w);
    show(w);
    start_next(m);
    start_probe(w);
}

void monitor_snapshot(struct monitor *m, struct health_snapshot *ret)
{
    ret->n_providers = m->n;
    for (size_t i = 0; i < m->n; i++)
        describe(m->watched[i], &ret->provider[i]);
}

bool monitor_find(struct monitor *m, struct str name, struct health_provider *ret)
{
    const struct watched *w = find(m, name);

    if (w)
        describe(w, ret);
    return w != NULL;
}

void monitor_write_history(struct monitor *m, struct str name, struct json_write *w)
{
    const struct watched *p = find(m, name);
    uint32_t all, failed;

    if (!p)
        return;
    verdict_traffic(&p->verdict, loop_now(m->loop), &all, &failed);
    json_write_key(w, "traffic");
    json_write_begin(w, '{');
    json_write_member_int(w, "attempts", all);
    json_write_member_int(w, "failed", failed);
    json_write_end(w, '}');
    if (p->paid && p->paid_result[0]) {
        json_write_key(w, "paid");
        json_write_begin(w, '{');
        json_write_member_u64(w, "at_ms", p->paid_wall / 1000);
        json_write_member(w, "result", p->paid_result);
        json_write_end(w, '}');
    }
    history_write(&p->recent, w);
}
