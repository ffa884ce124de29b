#include "fleet_room.h"

#include "health_metrics.h"
#include "host.h"
#include "worker_room.h"

#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READINGS (2 * MACHINE_ROUND) /* until what it loaded shows in the GPU's figures */

struct asking {
    struct runner *const *runners;
    size_t n;
    struct machine *machine;
    const struct settings *settings;
    struct runner *who;
};

static bool is_port_taken(uint16_t port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int yes = 1;

    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    bool is_taken = bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0;
    close(fd);
    return is_taken;
}

static uint64_t limit_of(const struct runner *r)
{
    return r->settings ? r->settings->memory_limit : 0;
}

/* What those that still load will take and have not taken yet. */
static void add_promises(const struct asking *a, struct worker_room_have *have)
{
    for (size_t i = 0; i < a->n; i++) {
        const struct runner *r = a->runners[i];
        if (!r->life.is_running)
            continue;
        have->budget_taken += limit_of(r);
        if (!lifecycle_is_serving(&r->life) && limit_of(r) > r->memory)
            have->memory_promised += limit_of(r) - r->memory;
    }
}

/* Likewise of its GPU, whose figures come late. */
static double vram_promised(const struct asking *a)
{
    double sum = 0;

    for (size_t i = 0; i < a->n; i++) {
        const struct runner *r = a->runners[i];
        bool shows = lifecycle_is_serving(&r->life) &&
                     loop_now(r->world->loop) > r->life.well_since + READINGS;
        if (r->life.is_running && !shows && r->settings && strcmp(r->device, a->who->device) == 0)
            sum += (double)r->settings->vram;
    }
    return sum;
}

/* False while its driver has yet to tell. */
static bool look_at_gpu(const struct asking *a, struct worker_room_have *have)
{
    if (strncmp(a->who->device, "gpu", 3) != 0)
        return true;
    enum machine_gpu g = machine_find_gpu(a->machine, a->who->device + 3, &have->vram_available);
    have->is_gpu_missing = g == MACHINE_GPU_MISSING;
    have->vram_available -= vram_promised(a);
    return g != MACHINE_GPU_LATER;
}

/* True when it must be asked again. */
static bool look(const struct asking *a, enum worker_room *ret)
{
    const struct settings_worker *s = a->who->settings;
    struct worker_room_need need = {s->memory_limit, s->vram, s->disk};
    struct worker_room_have have = {.budget = a->settings->health.worker_memory,
                                    .vram_available = NAN};
    struct host host;

    host_read("", a->settings->paths.state, &host);
    have.memory_available = host.memory_available;
    have.disk_available = host.disk_available;
    have.is_port_taken = is_port_taken(s->port);
    if (!look_at_gpu(a, &have))
        return true;
    add_promises(a, &have);
    *ret = worker_room_look(&need, &have);
    return false;
}

static bool somebody_leaves(const struct asking *a)
{
    for (size_t i = 0; i < a->n; i++)
        if (a->runners[i]->life.state == LIFECYCLE_STOPPING)
            return true;
    return false;
}

static bool may_leave(const struct asking *a, const struct runner *r, enum worker_room want)
{
    if (r->life.state != LIFECYCLE_IDLE || !r->settings || r->settings->idle_stop == 0)
        return false;
    return want != WORKER_ROOM_VRAM || strcmp(r->device, a->who->device) == 0;
}

static bool make_room(const struct asking *a, enum worker_room want)
{
    struct runner *oldest = NULL;

    for (size_t i = 0; i < a->n; i++) {
        struct runner *r = a->runners[i];
        if (may_leave(a, r, want) && (!oldest || r->life.used_at < oldest->life.used_at))
            oldest = r;
    }
    if (!oldest)
        return false;
    runner_tell(oldest, LIFECYCLE_EVICT);
    return true;
}

/* True when it waits. */
static bool serve(const struct asking *a)
{
    enum worker_room room;

    if (look(a, &room))
        return true;
    if (room == WORKER_ROOM_OK) {
        runner_tell(a->who, LIFECYCLE_ROOM);
        return false;
    }
    if (worker_room_is_freed_by_others(room) && (somebody_leaves(a) || make_room(a, room)))
        return true;
    metrics_count(a->who->world->shard, METRIC_worker_spawn_resource_failures_total, 1,
                  worker_room_text(room));
    runner_refuse(a->who, worker_room_text(room));
    return false;
}

bool fleet_room_serve(struct runner *const *runners, size_t n, struct machine *m,
                      const struct settings *s)
{
    bool somebody_waits = false;

    for (size_t i = 0; i < n; i++)
        if (runners[i]->wants_room && runners[i]->settings)
            somebody_waits |= serve(&(struct asking){runners, n, m, s, runners[i]});
    return somebody_waits;
}
