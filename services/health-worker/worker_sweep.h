/* worker_sweep.h -- what of a local worker has outlived both its keeper and us?
 *
 * Each run of a program has a tag in its environment, which all that it begins inherits: a process
 * is killed only if it has the tag, so that one which got a dead worker's number never is.
 */
#pragma once

/* Kills what has `tag` ("LLM_WORKER_TAG=…") in its environment, and all in `cgroup` (a directory;
 * NULL: none). `root` comes before /proc. Returns how many it killed. */
unsigned worker_sweep(const char *root, const char *tag, const char *cgroup);
