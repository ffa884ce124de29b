/* nvml.h -- what does NVIDIA's driver tell of its GPUs?
 *
 * The library is opened at run time, so the daemon runs where there is none. Its functions can
 * take tens of milliseconds, and for ever with a sick GPU: nvml_read() and nvml_free() are for a
 * thread that may be lost (gpu_watch.h).
 */
#pragma once

#include "base/macro.h"
#include "gpu.h"

#include <stddef.h>

#define NVML_LIBRARY "libnvidia-ml.so.1"

struct nvml;

enum nvml_open_result { NVML_OPEN_OK = 0, NVML_OPEN_ABSENT, NVML_OPEN_UNUSABLE };

/* Loads the library and asks nothing yet. UNUSABLE: it lacks a function nothing can be had without,
 * and `reterr` is its name, or the dynamic linker's complaint. */
MUST_USE enum nvml_open_result nvml_open(const char *path, struct nvml **ret, char *reterr,
                                         size_t reterr_size);
void nvml_free(struct nvml **n);

/* All GPUs, and the instances of those that MIG cuts up. A GPU that is lost is not among them, a
 * reading it does not support is absent. Not 0: the driver's error code, the list is empty, and the
 * next call starts anew. */
MUST_USE int nvml_read(struct nvml *n, struct gpu_list *ret);

/* The library's words for an error code; a static text. */
const char *nvml_error_text(const struct nvml *n, int error);
