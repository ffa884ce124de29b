/* worker_memory.h -- how much memory do a process and all that it began take?
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

struct worker_memory {
    uint64_t resident; /* bytes, files that it has mapped included */
    uint64_t own;      /* without those: what cannot be had back from it */
};

/* `root` comes before /proc. Zeros once it is gone. */
void worker_memory_read(const char *root, pid_t process, struct worker_memory *ret);
