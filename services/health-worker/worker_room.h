/* worker_room.h -- is there room for one more local worker? Pure.
 */
#pragma once

#include "base/macro.h"

#include <stdbool.h>
#include <stdint.h>

/* The label values of worker_spawn_resource_failures_total{reason}. */
enum worker_room {
    WORKER_ROOM_OK = 0,
    WORKER_ROOM_MEMORY,
    WORKER_ROOM_BUDGET, /* of health.worker_memory */
    WORKER_ROOM_DISK,
    WORKER_ROOM_VRAM,
    WORKER_ROOM_GPU,  /* there is no such GPU */
    WORKER_ROOM_PORT, /* somebody else listens there */
};
const char *worker_room_text(enum worker_room r);

struct worker_room_need {
    uint64_t memory, vram, disk; /* bytes; 0: not looked at */
};

/* NAN: not known, and then it is not looked at. */
struct worker_room_have {
    double memory_available, disk_available, vram_available;
    bool is_gpu_missing, is_port_taken;
    uint64_t memory_promised; /* to those that run and have not taken all of it yet */
    uint64_t budget, budget_taken;
};

MUST_USE enum worker_room worker_room_look(const struct worker_room_need *need,
                                           const struct worker_room_have *have);

/* Would there be, if another left? */
bool worker_room_is_freed_by_others(enum worker_room r);
