/* worker_cgroup.h -- a control group for each local worker: how much may it use, and is it all
 * gone?
 *
 * Below the group that systemd has delegated to us (Delegate=yes). We move into a leaf of our own,
 * because only leaves may have processes once a limit is set below.
 */
#pragma once

#include "base/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORKER_CGROUP_FS "/sys/fs/cgroup"

struct worker_cgroup_tree {
    char path[384];  /* of our own group; empty: there is none for us */
    bool has_memory; /* limits on memory can be set below */
};

/* `fs` is where the unified hierarchy is mounted, `own` the file that says where we are in it
 * (/proc/self/cgroup). Without a group of its own that it may write below, *ret says none. What an
 * earlier process left below is killed and removed. */
void worker_cgroup_open(const char *fs, const char *own, struct worker_cgroup_tree *ret);

/* The directory of a new group; `memory_limit` 0: none. False: there can be none. */
MUST_USE bool worker_cgroup_make(const struct worker_cgroup_tree *t, const char *name,
                                 uint64_t memory_limit, char *ret_path, size_t size);
void worker_cgroup_kill(const char *path);
/* True once it is gone; it must be empty. */
bool worker_cgroup_remove(const char *path);

/* Has the kernel killed something in it because its memory was used up? */
bool worker_cgroup_was_out_of_memory(const char *path);
