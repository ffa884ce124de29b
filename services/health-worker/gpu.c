#include "gpu.h"

#include <math.h>

const char *gpu_vendor_text(enum gpu_vendor v)
{
    static const char *const texts[] = {
        [GPU_NVIDIA] = "nvidia", [GPU_AMD] = "amd", [GPU_INTEL] = "intel"};

    return texts[v];
}

struct gpu *gpu_add(struct gpu_list *l, enum gpu_vendor v)
{
    if (l->n == GPU_MAX)
        return NULL;
    struct gpu *g = &l->gpu[l->n++];
    *g = (struct gpu){.vendor = v};
    for (unsigned i = 0; i < GPU_READINGS; i++)
        g->reading[i] = NAN;
    return g;
}
