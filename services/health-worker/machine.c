#include "machine.h"

#include "gpu_show.h"
#include "gpu_sysfs.h"
#include "gpu_watch.h"
#include "health_metrics.h"
#include "host.h"
#include "io/log.h"
#include "nvml.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SYSFS "/sys"

enum { NVIDIA, KERNEL, SOURCES };

struct source {
    const char *name;
    struct gpu_watch *watch;   /* NULL: there is nothing to ask */
    enum gpu_watch_state told; /* to the log */
    struct gpu_list shown;
};

struct machine {
    struct loop *loop;
    struct metrics_shard *shard;
    const struct settings *settings;
    struct loop_timer timer;
    struct host host;
    char *disk_path;   /* whose series are shown */
    bool has_gpus;     /* as configured */
    struct nvml *nvml; /* the NVIDIA thread's, but for texts */
    struct source source[SOURCES];
};

/* ---- the host ---- */

static void show_number(struct machine *m, unsigned metric, double value, const char *label)
{
    struct metrics_series *s = metrics_find(m->shard, metric, &label);

    if (isnan(value))
        metrics_remove(s);
    else
        metrics_set(s, value);
}

static void show_host(struct machine *m)
{
    show_number(m, METRIC_host_memory_total_bytes, m->host.memory_total, NULL);
    show_number(m, METRIC_host_memory_available_bytes, m->host.memory_available, NULL);
    show_number(m, METRIC_host_disk_total_bytes, m->host.disk_total, m->disk_path);
    show_number(m, METRIC_host_disk_available_bytes, m->host.disk_available, m->disk_path);
}

static void write_host(struct machine *m, struct json_write *w)
{
    const struct {
        const char *key;
        double value;
    } numbers[] = {{"memory_total_bytes", m->host.memory_total},
                   {"memory_available_bytes", m->host.memory_available},
                   {"disk_total_bytes", m->host.disk_total},
                   {"disk_available_bytes", m->host.disk_available}};

    json_write_begin(w, '{');
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        json_write_key(w, numbers[i].key);
        json_write_double(w, numbers[i].value);
    }
    json_write_member(w, "disk_path", m->disk_path);
    json_write_key(w, "pressure_percent");
    json_write_begin(w, '{');
    for (enum host_pressure p = 0; p < HOST_PRESSURES; p++) {
        json_write_key(w, host_pressure_text(p));
        json_write_double(w, m->host.pressure[p]);
    }
    json_write_end(w, '}');
    json_write_end(w, '}');
}

/* ---- GPUs ---- */

static int read_nvidia(void *arg, struct gpu_list *ret)
{
    return nvml_read(arg, ret);
}

static void close_nvidia(void *arg)
{
    struct nvml *n = arg;

    nvml_free(&n);
}

static int read_kernel(void *arg, struct gpu_list *ret)
{
    gpu_sysfs_read(arg, ret);
    return 0;
}

static void close_kernel(void *arg)
{
    (void)arg;
}

static usec_t round_of(const struct machine *m)
{
    return m->settings->health.interval < MACHINE_ROUND ? m->settings->health.interval
                                                        : MACHINE_ROUND;
}

static void watch(struct source *s, const struct gpu_source *how)
{
    int r = gpu_watch_new(how, &s->watch);

    s->told = GPU_WATCH_NEW;
    if (r == 0)
        return;
    log_warning("no thread to watch GPUs through %s: %s, ignoring", s->name, strerror(-r));
    how->close(how->arg);
}

static void open_gpus(struct machine *m)
{
    struct gpu_source kernel = {read_kernel, close_kernel, (void *)SYSFS};
    char why[256];

    switch (nvml_open(NVML_LIBRARY, &m->nvml, why, sizeof(why))) {
    case NVML_OPEN_OK:
        watch(&m->source[NVIDIA], &(struct gpu_source){read_nvidia, close_nvidia, m->nvml});
        break;
    case NVML_OPEN_UNUSABLE:
        log_warning("%s cannot be used, ignoring: %s", NVML_LIBRARY, why);
        break;
    case NVML_OPEN_ABSENT:
        if (!gpu_sysfs_has_any(SYSFS))
            log_info("no GPUs here: no %s, and none of AMD or Intel in %s", NVML_LIBRARY, SYSFS);
        break;
    }
    if (gpu_sysfs_has_any(SYSFS))
        watch(&m->source[KERNEL], &kernel);
}

static void close_gpus(struct machine *m)
{
    for (struct source *s = m->source; s < m->source + SOURCES; s++) {
        gpu_show_forget(m->shard, &s->shown);
        s->shown.n = 0;
        gpu_watch_free(&s->watch);
    }
    m->nvml = NULL;
}

static void tell(struct machine *m, struct source *s, const struct gpu_watch_view *v)
{
    if (v->state == s->told)
        return;
    s->told = v->state;
    switch (v->state) {
    case GPU_WATCH_NEW:
        break;
    case GPU_WATCH_OK:
        log_info("GPUs watched through %s: %zu", s->name, v->list->n);
        break;
    case GPU_WATCH_FAILED:
        log_warning("no GPUs through %s: %s (%d), retrying in %.0f s", s->name,
                    nvml_error_text(m->nvml, v->error), v->error,
                    (double)(round_of(m) * GPU_WATCH_REST) / (double)USEC_PER_SEC);
        break;
    case GPU_WATCH_SILENT:
        log_warning("%s does not answer; its GPUs are no longer shown", s->name);
        break;
    }
}

static void show_gpus(struct machine *m, struct source *s)
{
    struct gpu_watch_view v;

    gpu_watch_look(s->watch, loop_now(m->loop), &v);
    tell(m, s, &v);
    gpu_show_forget(m->shard, &s->shown);
    s->shown.n = 0;
    if (v.state != GPU_WATCH_OK)
        return;
    s->shown = *v.list;
    gpu_show_metrics(m->shard, &s->shown);
}

/* ---- all ---- */

void machine_show(struct machine *m)
{
    for (struct source *s = m->source; s < m->source + SOURCES; s++)
        if (s->watch)
            show_gpus(m, s);
}

static const struct gpu *find_gpu(const struct source *s, const char *id)
{
    for (size_t i = 0; i < s->shown.n; i++)
        if (strcmp(s->shown.gpu[i].id, id) == 0)
            return &s->shown.gpu[i];
    return NULL;
}

enum machine_gpu machine_find_gpu(struct machine *m, const char *id, double *ret_free)
{
    bool has_any = false, is_late = false;

    machine_show(m);
    *ret_free = NAN;
    for (const struct source *s = m->source; s < m->source + SOURCES; s++) {
        const struct gpu *g = find_gpu(s, id);
        if (g) {
            *ret_free = g->reading[GPU_MEMORY_TOTAL] - g->reading[GPU_MEMORY_USED];
            return MACHINE_GPU_FOUND;
        }
        has_any |= s->shown.n > 0;
        is_late |= s->watch && s->told == GPU_WATCH_NEW;
    }
    if (is_late)
        return MACHINE_GPU_LATER;
    return has_any ? MACHINE_GPU_MISSING : MACHINE_GPU_UNKNOWN;
}

void machine_write(struct machine *m, struct json_write *w)
{
    machine_show(m);
    json_write_key(w, "host");
    write_host(m, w);
    json_write_key(w, "gpus");
    json_write_begin(w, '[');
    for (struct source *s = m->source; s < m->source + SOURCES; s++)
        gpu_show_json(w, &s->shown);
    json_write_end(w, ']');
}

static void on_round(void *arg)
{
    struct machine *m = arg;

    host_read("", m->disk_path, &m->host);
    show_host(m);
    machine_show(m);
    for (struct source *s = m->source; s < m->source + SOURCES; s++)
        if (s->watch)
            gpu_watch_ask(s->watch, loop_now(m->loop), round_of(m));
    loop_timer_start(&m->timer, round_of(m));
}

void machine_configure(struct machine *m, const struct settings *s)
{
    struct host none = {NAN, NAN, NAN, NAN, {0}};

    m->settings = s;
    if (m->disk_path && strcmp(m->disk_path, s->paths.state) != 0) {
        m->host = none;
        show_host(m);
    }
    free(m->disk_path);
    m->disk_path = strdup(s->paths.state);
    if (!m->disk_path)
        abort();
    if (m->has_gpus != s->health.gpu) {
        close_gpus(m);
        if (s->health.gpu)
            open_gpus(m);
        m->has_gpus = s->health.gpu;
    }
    on_round(m);
}

struct machine *machine_new(struct loop *l, struct metrics_shard *shard)
{
    struct machine *m = calloc(1, sizeof(*m));

    if (!m)
        abort();
    m->loop = l;
    m->shard = shard;
    m->source[NVIDIA].name = NVML_LIBRARY;
    m->source[KERNEL].name = SYSFS;
    loop_timer_init(&m->timer, l, on_round, m);
    return m;
}

void machine_free(struct machine **m)
{
    if (!*m)
        return;
    loop_timer_stop(&(*m)->timer);
    close_gpus(*m);
    free((*m)->disk_path);
    free(*m);
    *m = NULL;
}
