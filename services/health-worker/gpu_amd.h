/* gpu_amd.h -- what do amdgpu's table of metrics and the compute driver tell beyond single files?
 */
#pragma once

#include "base/str.h"
#include "gpu.h"

/* The bytes of a card's gpu_metrics, whose layout has versions; one that is not known, or cut,
 * tells nothing. Pure. */
void gpu_amd_read_table(struct str table, struct gpu *g);

/* Processes that compute on the card at this place of the bus ("0000:03:00.0"); NAN without the
 * compute driver. `root` as in gpu_sysfs.h. */
double gpu_amd_count_processes(const char *root, const char *slot);
