/* gpu.h -- what can be known of a GPU, whoever made it? Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define GPU_MAX                                                                                    \
    64 /* shown of one source; a GPU cut up by MIG counts with each of its instances               \
        */

/* The label values of `vendor`. */
enum gpu_vendor { GPU_NVIDIA, GPU_AMD, GPU_INTEL };

enum gpu_reading {
    GPU_UTILIZATION, /* percent */
    GPU_MEMORY_USED, /* bytes */
    GPU_MEMORY_TOTAL,
    GPU_TEMPERATURE, /* degrees Celsius */
    GPU_POWER,       /* watts */
    GPU_ENERGY,      /* joules since the driver was loaded */
    GPU_PROCESSES,   /* that compute on it */
    GPU_READINGS
};

/* Why it runs slower than it could. */
#define GPU_THROTTLED_POWER    1u
#define GPU_THROTTLED_HEAT     2u
#define GPU_THROTTLED_HARDWARE 4u

struct gpu {
    enum gpu_vendor vendor;
    char id[24]; /* "0"; "0:2" for an instance that MIG cuts from it */
    char uuid[96], name[96];
    double reading[GPU_READINGS]; /* NAN: it does not tell */
    unsigned throttled;           /* GPU_THROTTLED_… */
    bool is_cut;                  /* by MIG: its instances follow in the list */
};

struct gpu_list {
    size_t n;
    struct gpu gpu[GPU_MAX];
};

const char *gpu_vendor_text(enum gpu_vendor v);

/* One more, that tells nothing yet. NULL when the list is full. */
struct gpu *gpu_add(struct gpu_list *l, enum gpu_vendor v);
