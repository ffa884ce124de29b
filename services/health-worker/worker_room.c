#include "worker_room.h"

#include <math.h>

const char *worker_room_text(enum worker_room r)
{
    static const char *const texts[] = {
        [WORKER_ROOM_OK] = "none",       [WORKER_ROOM_MEMORY] = "memory",
        [WORKER_ROOM_BUDGET] = "budget", [WORKER_ROOM_DISK] = "disk",
        [WORKER_ROOM_VRAM] = "vram",     [WORKER_ROOM_GPU] = "gpu",
        [WORKER_ROOM_PORT] = "port",
    };

    return texts[r];
}

static bool is_short(double have, uint64_t need)
{
    return need > 0 && !isnan(have) && have < (double)need;
}

enum worker_room worker_room_look(const struct worker_room_need *need,
                                  const struct worker_room_have *have)
{
    if (have->is_port_taken)
        return WORKER_ROOM_PORT;
    if (have->is_gpu_missing)
        return WORKER_ROOM_GPU;
    if (is_short(have->disk_available, need->disk))
        return WORKER_ROOM_DISK;
    if (is_short(have->vram_available, need->vram))
        return WORKER_ROOM_VRAM;
    if (is_short(have->memory_available - (double)have->memory_promised, need->memory))
        return WORKER_ROOM_MEMORY;
    if (have->budget > 0 && need->memory > 0 &&
        (have->budget_taken > have->budget || need->memory > have->budget - have->budget_taken))
        return WORKER_ROOM_BUDGET;
    return WORKER_ROOM_OK;
}

bool worker_room_is_freed_by_others(enum worker_room r)
{
    return r == WORKER_ROOM_MEMORY || r == WORKER_ROOM_BUDGET || r == WORKER_ROOM_VRAM;
}
