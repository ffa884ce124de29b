#include "runner.h"

#include "base/digest.h"
#include "health_metrics.h"
#include "io/log.h"
#include "io/log_events.h"
#include "worker_environment.h"
#include "worker_memory.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOADING_CHECK (250 * USEC_PER_MSEC)
#define MEMORY_CHECK  USEC_PER_SEC
#define LEAST_TIMEOUT (500 * USEC_PER_MSEC)
#define TAG           "LLM_WORKER_TAG="

static void say(const struct runner *r, enum log_level level, const char *event, const char *text)
{
    const struct log_field fields[] = {
        {"LLM_WORKER", r->name}, {"MESSAGE_ID", event}, {NULL, NULL}};

    log_write(level, fields, "worker %s %s", r->name, text);
}

static void set_reason(struct runner *r, const char *format, ...) PRINTF_LIKE(2, 3);
static void set_reason(struct runner *r, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    vsnprintf(r->reason, sizeof(r->reason), format, values);
    va_end(values);
}

/* ---- is it well? ---- */

static void on_head(void *arg, struct fetch *f, int status)
{
    struct runner *r = arg;

    (void)f;
    r->status = status;
}

static void on_body(void *arg, struct fetch *f, struct str bytes)
{
    (void)arg, (void)f, (void)bytes; /* the status says it */
}

static void on_checked(void *arg, struct fetch *f, enum fetch_result result)
{
    struct runner *r = arg;
    bool is_well = result == FETCH_OK && r->status >= 200 && r->status < 300;

    (void)f;
    r->fetch = NULL;
    if (lifecycle_is_serving(&r->life))
        r->is_bad = !is_well;
    if (!is_well && lifecycle_is_serving(&r->life))
        set_reason(r, "health check: %s",
                   result == FETCH_OK ? "not well" : fetch_result_text(result));
    else if (lifecycle_is_serving(&r->life))
        r->reason[0] = '\0';
    runner_tell(r, is_well ? LIFECYCLE_WELL : LIFECYCLE_BAD);
}

static void on_farewell(void *arg, struct fetch *f, enum fetch_result result)
{
    struct runner *r = arg;

    (void)f, (void)result;
    r->farewell = NULL;
    runner_tell(r, LIFECYCLE_ASKED);
}

static struct fetch *ask(struct runner *r, const char *method, const char *path,
                         const struct fetch_handler *handler)
{
    struct fetch_request request = {.origin = &r->origin, .method = method, .path = path};

    return fetch_start(r->world->fetches, &request, handler, r);
}

static void check_health(struct runner *r)
{
    static const struct fetch_handler handler = {on_head, on_body, on_checked};
    usec_t now = loop_now(r->world->loop), interval = r->world->check_interval;

    if (r->life.state == LIFECYCLE_LOADING && interval > LOADING_CHECK)
        interval = LOADING_CHECK;
    if (r->fetch || !r->settings || now < r->checked_at + interval ||
        (!lifecycle_is_serving(&r->life) && r->life.state != LIFECYCLE_LOADING))
        return;
    r->checked_at = now;
    r->status = 0;
    r->fetch = ask(r, "GET", r->settings->health, &handler);
}

static void say_farewell(struct runner *r)
{
    static const struct fetch_handler handler = {on_head, on_body, on_farewell};

    if (r->settings && r->settings->drain)
        r->farewell = ask(r, "POST", r->settings->drain, &handler);
}

/* ---- how large is it? ---- */

static bool is_kept_small_by_kernel(const struct runner *r)
{
    return r->cgroup[0] && r->world->cgroups.has_memory;
}

static void look_at_memory(struct runner *r)
{
    usec_t now = loop_now(r->world->loop);
    struct worker_memory m;

    if (r->pid == 0 || (r->checked_memory_at > 0 && now < r->checked_memory_at + MEMORY_CHECK))
        return;
    r->checked_memory_at = now;
    worker_memory_read("", r->pid, &m);
    r->memory = m.resident;
    uint64_t limit = r->settings ? r->settings->memory_limit : 0;
    if (limit == 0 || m.own <= limit || is_kept_small_by_kernel(r) || r->is_over_limit)
        return;
    r->is_over_limit = true;
    worker_child_kill(r->child);
}

static void on_check(void *arg)
{
    struct runner *r = arg;
    usec_t most = r->life.state == LIFECYCLE_LOADING ? LOADING_CHECK : MEMORY_CHECK;

    look_at_memory(r);
    check_health(r);
    loop_timer_start(&r->check, r->world->check_interval < most ? r->world->check_interval : most);
}

/* ---- its process ---- */

static void on_ran(void *arg, pid_t program)
{
    struct runner *r = arg;

    r->pid = program;
    r->run_at = loop_now(r->world->loop);
    r->checked_at = r->checked_memory_at = 0;
    loop_timer_start(&r->check, 0);
    runner_tell(r, LIFECYCLE_RAN);
}

static void on_line(void *arg, struct str line)
{
    const struct runner *r = arg;
    const struct log_field fields[] = {{"LLM_WORKER", r->name}, {NULL, NULL}};

    log_write(LOG_LEVEL_INFO, fields, "%.*s", STR_ARG(line));
}

static void explain_status(struct runner *r, int status)
{
    if (WIFEXITED(status))
        set_reason(r, "ended with status %d", WEXITSTATUS(status));
    else if (WIFSIGNALED(status))
        set_reason(r, "killed by signal %d (%s)", WTERMSIG(status),
                   sigdescr_np(WTERMSIG(status)) ? sigdescr_np(WTERMSIG(status)) : "unknown");
    else
        set_reason(r, "ended");
}

static void explain_end(struct runner *r, const struct worker_child_end *end)
{
    bool is_wanted_end = r->life.state == LIFECYCLE_STOPPING;

    if (r->is_over_limit || (r->cgroup[0] && worker_cgroup_was_out_of_memory(r->cgroup)))
        set_reason(r, "out of memory (OOM): it used up its limit of %llu bytes",
                   (unsigned long long)(r->settings ? r->settings->memory_limit : 0));
    else if (end->error != 0)
        set_reason(r, "cannot run %s: %s", r->settings ? r->settings->command[0] : "it",
                   strerror(end->error));
    else if (is_wanted_end && r->life.after == LIFECYCLE_AFTER_FAILURE)
        return; /* why it was killed is said already */
    else if (is_wanted_end)
        r->reason[0] = '\0';
    else if (end->status == -1)
        set_reason(r, "its keeper was killed");
    else
        explain_status(r, end->status);
}

static void on_end(void *arg, const struct worker_child_end *end)
{
    struct runner *r = arg;

    r->child = NULL;
    explain_end(r, end);
    if (r->life.state == LIFECYCLE_STOPPING)
        metrics_sample(r->world->shard, METRIC_worker_shutdown_duration_seconds,
                       (double)(loop_now(r->world->loop) - r->life.since) / (double)USEC_PER_SEC);
    if (r->cgroup[0])
        worker_cgroup_remove(r->cgroup);
    fetch_cancel(&r->fetch);
    fetch_cancel(&r->farewell);
    loop_timer_stop(&r->check);
    r->pid = 0;
    r->memory = r->in_flight = 0;
    r->is_over_limit = r->is_bad = false;
    r->tag[0] = r->cgroup[0] = '\0';
    runner_tell(r, LIFECYCLE_EXITED);
}

static void make_tag(struct runner *r)
{
    uint8_t random[16];
    char hex[2 * sizeof(random) + 1];

    digest_random(random, sizeof(random));
    digest_hex(random, sizeof(random), hex);
    snprintf(r->tag, sizeof(r->tag), TAG "%s", hex);
}

/* "{port}" becomes the port, wherever it stands. */
static char *fill_in(const char *argument, unsigned port)
{
    char *out = NULL;
    size_t size = 0;
    const char *at;

    FILE *f = open_memstream(&out, &size);
    if (!f)
        abort();
    for (; (at = strstr(argument, "{port}")); argument = at + strlen("{port}"))
        fprintf(f, "%.*s%u", (int)(at - argument), argument, port);
    fputs(argument, f);
    if (fclose(f) != 0)
        abort();
    return out;
}

static char **make_command(const struct settings_worker *s)
{
    char **argv = calloc(s->n_command + 1, sizeof(*argv));

    if (!argv)
        abort();
    for (size_t i = 0; i < s->n_command; i++)
        argv[i] = fill_in(s->command[i], s->port);
    return argv;
}

static void free_command(char **argv)
{
    for (char **a = argv; *a; a++)
        free(*a);
    free(argv);
}

static int start_child(struct runner *r)
{
    struct worker_environment e;
    char **argv = make_command(r->settings);
    struct worker_environment_of of = {r->name, r->device, r->tag, r->settings->port};

    worker_environment_make(&e, environ, &of);
    struct worker_child_config c = {
        .argv = argv,
        .envp = e.entry,
        .tag = r->tag,
        .cgroup = r->cgroup[0] ? r->cgroup : NULL,
        .on_ran = on_ran,
        .on_line = on_line,
        .on_end = on_end,
        .arg = r,
    };
    int result = worker_child_start(r->world->loop, &c, &r->child);
    worker_environment_done(&e);
    free_command(argv);
    return result;
}

static void spawn(struct runner *r)
{
    make_tag(r);
    r->world->on_change(r->world->arg, r); /* the register has it before there is a process */
    if (!worker_cgroup_make(&r->world->cgroups, r->name, r->settings->memory_limit, r->cgroup,
                            sizeof(r->cgroup)))
        r->cgroup[0] = '\0';
    snprintf(r->base_url, sizeof(r->base_url), "http://127.0.0.1:%u", (unsigned)r->settings->port);
    int result = start_child(r);
    if (result < 0)
        on_end(r, &(struct worker_child_end){.error = -result});
}

/* ---- doing what the lifecycle says ---- */

static void count(struct runner *r, unsigned did)
{
    struct metrics_shard *s = r->world->shard;

    if (did & LIFECYCLE_DID_RESTART) {
        r->restarts++;
        metrics_count(s, METRIC_worker_restarts_total, 1, r->name);
    }
    if (did & LIFECYCLE_DID_RESTART_FAIL)
        metrics_count(s, METRIC_worker_restart_failures_total, 1, r->name);
    if (did & LIFECYCLE_DID_GIVE_UP)
        metrics_count(s, METRIC_worker_circuit_breaker_activations_total, 1, r->name);
    if (did & LIFECYCLE_DID_STOP)
        metrics_count(s, METRIC_workers_graceful_shutdown_total, 1);
    if (did & LIFECYCLE_DID_KILL)
        metrics_count(s, METRIC_workers_force_killed_total, 1);
    if (did & LIFECYCLE_DID_LOAD)
        metrics_sample(s, METRIC_model_load_time_seconds,
                       (double)(loop_now(r->world->loop) - r->run_at) / (double)USEC_PER_SEC,
                       r->model, r->world->node);
}

static void tell_failure(const struct runner *r, unsigned did)
{
    char text[512];

    snprintf(text, sizeof(text), "failed: %s", r->reason);
    say(r, LOG_LEVEL_ERROR, LOG_EVENT_WORKER_FAILED, text);
    if (!(did & LIFECYCLE_DID_GIVE_UP))
        return;
    snprintf(text, sizeof(text), "is given up after %u restarts within %llu s; it last failed: %s",
             r->rules.max_restarts, (unsigned long long)(r->rules.window / USEC_PER_SEC),
             r->reason);
    say(r, LOG_LEVEL_ERROR, LOG_EVENT_RESTART_BREAKER_OPENED, text);
}

static void tell_state(const struct runner *r)
{
    char text[384];
    usec_t now = loop_now(r->world->loop);
    bool has_reason =
        r->reason[0] && r->life.state != LIFECYCLE_STARTING && r->life.state != LIFECYCLE_LOADING;

    if (r->life.state == LIFECYCLE_BACKOFF)
        snprintf(text, sizeof(text), "is started again in %.1f s",
                 (double)(r->life.due - now) / (double)USEC_PER_SEC);
    else
        snprintf(text, sizeof(text), "is %s%s%s", lifecycle_state_text(r->life.state),
                 has_reason ? ": " : "", has_reason ? r->reason : "");
    say(r, LOG_LEVEL_INFO, NULL, text);
}

static void arm(struct runner *r)
{
    usec_t now = loop_now(r->world->loop);

    if (r->life.due == USEC_INFINITY)
        loop_timer_stop(&r->due);
    else
        loop_timer_start(&r->due, r->life.due > now ? r->life.due - now : 0);
}

static void act(struct runner *r, unsigned what)
{
    if (what & LIFECYCLE_DO_ASK)
        say_farewell(r);
    if (what & LIFECYCLE_DO_TERM && r->child)
        worker_child_term(r->child);
    if (what & LIFECYCLE_DO_KILL && r->child)
        worker_child_kill(r->child);
    if (what & LIFECYCLE_DO_SPAWN)
        spawn(r);
}

/* idle <-> busy is no news. */
static bool is_news(enum lifecycle_state a, enum lifecycle_state b)
{
    bool both_serve = (a == LIFECYCLE_IDLE || a == LIFECYCLE_BUSY) &&
                      (b == LIFECYCLE_IDLE || b == LIFECYCLE_BUSY);

    return a != b && !both_serve;
}

static void explain_kill(struct runner *r, enum lifecycle_event e)
{
    if (e == LIFECYCLE_TIME && r->life.state == LIFECYCLE_LOADING)
        set_reason(r, "was not well within load_timeout");
    else if (e == LIFECYCLE_BAD && lifecycle_is_serving(&r->life) &&
             r->life.unwell + 1 >= LIFECYCLE_UNWELL)
        set_reason(r, "%u health checks failed in a row", LIFECYCLE_UNWELL);
}

void runner_tell(struct runner *r, enum lifecycle_event e)
{
    enum lifecycle_state before = r->life.state;
    enum workers_use use = lifecycle_use(&r->life);
    uint64_t random;

    digest_random(&random, sizeof(random));
    explain_kill(r, e);
    unsigned what = lifecycle_take(&r->life, &r->rules, e, loop_now(r->world->loop), random);
    r->wants_room = r->life.state == LIFECYCLE_STARTING && !r->life.is_running;
    count(r, what);
    if (what & LIFECYCLE_DID_FAIL)
        tell_failure(r, what);
    if (what & LIFECYCLE_DID_LOAD)
        r->reason[0] = '\0';
    if (r->life.state != before) {
        r->since_wall = loop_wall(r->world->loop);
        if (is_news(before, r->life.state))
            tell_state(r);
    }
    arm(r);
    if (is_news(before, r->life.state) || lifecycle_use(&r->life) != use ||
        what & LIFECYCLE_DO_ADMIT)
        r->world->on_change(r->world->arg, r);
    act(r, what);
}

void runner_refuse(struct runner *r, const char *reason)
{
    set_reason(r, "there is no room for it: %s", reason);
    runner_tell(r, LIFECYCLE_NO_ROOM);
}

static void on_due(void *arg)
{
    runner_tell(arg, LIFECYCLE_TIME);
}

/* ---- coming and going ---- */

static void show_counters(const struct runner *r)
{
    struct metrics_shard *s = r->world->shard;

    metrics_count(s, METRIC_worker_restarts_total, 0, r->name);
    metrics_count(s, METRIC_worker_restart_failures_total, 0, r->name);
    metrics_count(s, METRIC_worker_circuit_breaker_activations_total, 0, r->name);
}

struct runner *runner_new(const struct runner_world *w, const char *name)
{
    struct runner *r = calloc(1, sizeof(*r));

    if (!r || !(r->name = strdup(name)))
        abort();
    r->world = w;
    r->since_wall = loop_wall(w->loop);
    lifecycle_init(&r->life, loop_now(w->loop));
    loop_timer_init(&r->due, w->loop, on_due, r);
    loop_timer_init(&r->check, w->loop, on_check, r);
    show_counters(r);
    return r;
}

void runner_free(struct runner **r)
{
    struct runner *old = TAKE(*r);

    if (!old)
        return;
    loop_timer_stop(&old->due);
    loop_timer_stop(&old->check);
    fetch_cancel(&old->fetch);
    fetch_cancel(&old->farewell);
    worker_child_free(&old->child);
    if (old->cgroup[0])
        worker_cgroup_remove(old->cgroup);
    free(old->name);
    free(old->provider);
    free(old->model);
    free(old->device);
    free(old);
}

static bool replace_text(char **text, const char *with)
{
    if (*text && strcmp(*text, with) == 0)
        return false;
    free(*text);
    *text = strdup(with);
    if (!*text)
        abort();
    return true;
}

static bool is_same_command(const struct settings_worker *a, const struct settings_worker *b)
{
    if (a->n_command != b->n_command || a->port != b->port || a->memory_limit != b->memory_limit)
        return false;
    for (size_t i = 0; i < a->n_command; i++)
        if (strcmp(a->command[i], b->command[i]) != 0)
            return false;
    return true;
}

static struct lifecycle_rules rules_of(const struct settings_worker *s, usec_t drain_timeout)
{
    return (struct lifecycle_rules){
        .max_restarts = s->restart.max,
        .window = s->restart.window,
        .backoff = s->restart.backoff,
        .max_backoff = s->restart.max_backoff,
        .idle_stop = s->idle_stop,
        .load_timeout = s->load_timeout,
        .stop_timeout = s->stop_timeout,
        .drain_timeout = drain_timeout,
        .has_drain = s->drain != NULL,
    };
}

bool runner_configure(struct runner *r, const struct settings_worker *s, usec_t drain_timeout)
{
    bool is_other = s && r->settings && !is_same_command(r->settings, s);
    usec_t patience = r->world->check_interval;

    r->settings = s;
    fetch_cancel(&r->fetch); /* its path may be gone */
    fetch_cancel(&r->farewell);
    if (!s)
        return false;
    bool is_first = !r->provider;
    bool is_moved = replace_text(&r->provider, s->provider);
    is_moved |= replace_text(&r->model, s->model);
    is_moved |= replace_text(&r->device, s->device);
    r->rules = rules_of(s, drain_timeout);
    if (patience < LEAST_TIMEOUT)
        patience = LEAST_TIMEOUT;
    r->origin = (struct fetch_origin){
        .base_url = r->base_url,
        .connect_timeout = patience,
        .first_byte_timeout = patience,
        .idle_timeout = patience,
        .total_timeout = patience,
        .max_body = 1u << 20,
    };
    return !is_first && (is_other || is_moved);
}

void runner_describe(const struct runner *r, struct workers_one *ret)
{
    *ret = (struct workers_one){
        .name = str_from(r->name),
        .provider = str_from(r->provider),
        .model = str_from(r->model),
        .device = str_from(r->device),
        .state = str_from(lifecycle_state_text(r->life.state)),
        .reason = str_from(r->reason),
        .use = lifecycle_use(&r->life),
        .since_ms = r->since_wall / 1000,
        .pid = (uint64_t)r->pid,
        .restarts = r->restarts,
        .in_flight = r->in_flight,
        .memory_bytes = r->memory,
    };
}
