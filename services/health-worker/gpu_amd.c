#include "gpu_amd.h"

#include "base/parse.h"
#include "kernel_file.h"

#include <ctype.h>
#include <dirent.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>

/* Facts of the kernel's interface (kgd_pp_interface.h, amdgpu_smu.h): formats 1.3 and 1.4 have the
 * energy at the same place, 1.3 the reasons for slowing down at its end. */
#define FORMAT      1
#define REVISION_3  3
#define REVISION_4  4
#define SIZE_3      120
#define SIZE_4_MIN  32
#define ENERGY_AT   24
#define REASONS_AT  112
#define JOULES      (1.0 / 65536) /* a unit of energy */
#define UNSUPPORTED UINT64_MAX
#define POWER_BITS  0x00ff00ffULL     /* power and current limits */
#define HEAT_BITS   0x3fff00000000ULL /* of the chip, its memory, its regulators */
#define HOT_BITS    0xc00000000000ULL /* another part of the machine says so */
#define MAX_NODES   64

static uint64_t get_le(struct str table, size_t at, unsigned size)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < size; i++)
        n |= (uint64_t)(uint8_t)table.data[at + i] << 8 * i;
    return n;
}

static void read_energy(struct str table, struct gpu *g)
{
    uint64_t energy = get_le(table, ENERGY_AT, 8);

    if (energy != 0 && energy != UNSUPPORTED)
        g->reading[GPU_ENERGY] = (double)energy * JOULES;
}

static void read_reasons(struct str table, struct gpu *g)
{
    uint64_t reasons = get_le(table, REASONS_AT, 8);

    if (reasons == UNSUPPORTED)
        return;
    g->throttled = (reasons & POWER_BITS ? GPU_THROTTLED_POWER : 0) |
                   (reasons & HEAT_BITS ? GPU_THROTTLED_HEAT : 0) |
                   (reasons & HOT_BITS ? GPU_THROTTLED_HARDWARE : 0);
}

void gpu_amd_read_table(struct str table, struct gpu *g)
{
    if (table.len < 4 || get_le(table, 0, 2) > table.len || get_le(table, 2, 1) != FORMAT)
        return;
    uint64_t revision = get_le(table, 3, 1);
    if (revision == REVISION_3 && table.len >= SIZE_3) {
        read_energy(table, g);
        read_reasons(table, g);
    } else if (revision == REVISION_4 && table.len >= SIZE_4_MIN) {
        read_energy(table, g);
    }
}

/* The compute driver's number of the card: it spells its place as domain and location_id. */
static double find_compute_id(const char *root, unsigned domain, unsigned location)
{
    struct kernel_file f;
    uint64_t have_domain, have_location;

    for (unsigned node = 0; node < MAX_NODES; node++) {
        if (!kernel_file_read(&f, "%s/class/kfd/kfd/topology/nodes/%u/properties", root, node) ||
            !parse_u64(kernel_file_value(&f, "location_id "), &have_location) ||
            !parse_u64(kernel_file_value(&f, "domain "), &have_domain))
            continue;
        if (have_location == location && have_domain == domain)
            return kernel_file_number("%s/class/kfd/kfd/topology/nodes/%u/gpu_id", root, node);
    }
    return NAN;
}

double gpu_amd_count_processes(const char *root, const char *slot)
{
    unsigned domain, bus, device, function;
    char folder[256];
    double n = 0;

    if (sscanf(slot, "%x:%x:%x.%x", &domain, &bus, &device, &function) != 4)
        return NAN;
    double id = find_compute_id(root, domain, bus << 8 | device << 3 | function);
    snprintf(folder, sizeof(folder), "%s/class/kfd/kfd/proc", root);
    DIR *d = isnan(id) ? NULL : opendir(folder);
    if (!d)
        return NAN;
    for (struct dirent *e; (e = readdir(d));)
        n += isdigit((unsigned char)e->d_name[0]) &&
             kernel_file_number("%s/%s/vram_%.0f", folder, e->d_name, id) > 0;
    closedir(d);
    return n;
}
