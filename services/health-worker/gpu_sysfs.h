/* gpu_sysfs.h -- what does the kernel tell of AMD's and Intel's GPUs, without a library?
 *
 * A file that a driver does not have is a reading that is absent: Intel's tell neither utilisation
 * nor memory in use nor processes. Reads may wake or wait for a device, so this is for a thread
 * (gpu_watch.h).
 */
#pragma once

#include "gpu.h"

/* `root` is what comes before /class/drm: "/sys" on this machine. */
bool gpu_sysfs_has_any(const char *root);
void gpu_sysfs_read(const char *root, struct gpu_list *ret);
