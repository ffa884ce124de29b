/* worker_environment.h -- which variables does a local worker see? Pure.
 *
 * What programs of this kind need, by name; never what is ours (keys, tokens, sockets).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define WORKER_ENVIRONMENT_MAX 128

struct worker_environment {
    char *entry[WORKER_ENVIRONMENT_MAX + 1]; /* NULL-terminated */
    size_t n;
};

struct worker_environment_of {
    const char *name, *device; /* of the worker: gpuN is the only GPU it sees */
    const char *tag;           /* a whole entry */
    uint16_t port;
};

/* From `ours`, as environ(7). */
void worker_environment_make(struct worker_environment *e, char *const *ours,
                             const struct worker_environment_of *of);
void worker_environment_done(struct worker_environment *e);
