#include "fleet_show.h"

#include "health_metrics.h"
#include "worker_room.h"

#include <stdlib.h>
#include <string.h>

struct fleet_show {
    struct metrics_shard *shard;
    char *devices[WORKERS_MAX]; /* whose series are shown */
    size_t n_devices;
    struct metrics_series *memory[WORKERS_MAX];
    size_t n_memory;
};

struct fleet_show *fleet_show_new(struct metrics_shard *s)
{
    struct fleet_show *f = calloc(1, sizeof(*f));

    if (!f)
        abort();
    f->shard = s;
    for (enum worker_room r = WORKER_ROOM_MEMORY; r <= WORKER_ROOM_PORT; r++)
        metrics_count(s, METRIC_worker_spawn_resource_failures_total, 0, worker_room_text(r));
    metrics_count(s, METRIC_worker_removed_total, 0, "unconfigured");
    return f;
}

static struct metrics_series *workers_series(struct fleet_show *f, enum lifecycle_state state,
                                             const char *device)
{
    const char *labels[] = {lifecycle_state_text(state), catalogue_backend_text(BACKEND_LOCAL),
                            device};

    return metrics_find(f->shard, METRIC_workers, labels);
}

static void forget(struct fleet_show *f)
{
    for (size_t i = 0; i < f->n_devices; i++) {
        for (enum lifecycle_state s = 0; s < LIFECYCLE_STATES; s++)
            metrics_remove(workers_series(f, s, f->devices[i]));
        free(f->devices[i]);
    }
    for (size_t i = 0; i < f->n_memory; i++)
        metrics_remove(f->memory[i]);
    f->n_devices = f->n_memory = 0;
}

static bool is_shown(const struct fleet_show *f, const char *device)
{
    for (size_t i = 0; i < f->n_devices; i++)
        if (strcmp(f->devices[i], device) == 0)
            return true;
    return false;
}

static void add_device(struct fleet_show *f, const char *device)
{
    if (is_shown(f, device))
        return;
    for (enum lifecycle_state s = 0; s < LIFECYCLE_STATES; s++)
        metrics_set(workers_series(f, s, device), 0);
    f->devices[f->n_devices] = strdup(device);
    if (!f->devices[f->n_devices++])
        abort();
}

/* Two that serve one model together take what both take. */
static void show_memory(struct fleet_show *f, const struct runner *r)
{
    const char *labels[] = {r->model, r->world->node};
    struct metrics_series *s = metrics_find(f->shard, METRIC_model_memory_bytes, labels);

    for (size_t i = 0; i < f->n_memory; i++) {
        if (f->memory[i] == s) {
            metrics_add(s, (double)r->memory);
            return;
        }
    }
    metrics_set(s, (double)r->memory);
    f->memory[f->n_memory++] = s;
}

void fleet_show_now(struct fleet_show *f, struct runner *const *runners, size_t n)
{
    double bad = 0;

    forget(f);
    for (size_t i = 0; i < n; i++) {
        const struct runner *r = runners[i];
        add_device(f, r->device);
        metrics_add(workers_series(f, r->life.state, r->device), 1);
        bad += r->is_bad;
        if (r->memory > 0)
            show_memory(f, r);
    }
    metrics_gauge(f->shard, METRIC_workers_failed_health_checks, bad);
}

void fleet_show_removed(struct fleet_show *f)
{
    metrics_count(f->shard, METRIC_worker_removed_total, 1, "unconfigured");
}

void fleet_show_free(struct fleet_show **f)
{
    if (!*f)
        return;
    forget(*f);
    free(*f);
    *f = NULL;
}
