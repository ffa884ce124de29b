/* worker_child.h -- one program run by us: when does it run, what does it say, how did it end?
 *
 * Through a keeper (worker_keeper.h): at its end nothing is left of it, whatever it began.
 */
#pragma once

#include "base/macro.h"
#include "base/str.h"
#include "io/loop.h"

#include <stdbool.h>
#include <sys/types.h>

struct worker_child;

struct worker_child_end {
    int error;  /* errno: it could not be run; else 0 */
    int status; /* as of wait(2); -1: not known, because its keeper was killed */
};

struct worker_child_config {
    char *const *argv, *const *envp;
    const char *tag; /* "LLM_WORKER_TAG=…", in envp: whatever of it a killed keeper left has it */
    const char *cgroup; /* directory; NULL: none */
    void (*on_ran)(void *arg, pid_t program);
    void (*on_line)(void *arg, struct str line); /* of standard output or error, cut at 4 KiB */
    void (*on_end)(void *arg, const struct worker_child_end *end); /* the child is gone then */
    void *arg;
};

/* -errno: nothing was begun. */
MUST_USE int worker_child_start(struct loop *l, const struct worker_child_config *config,
                                struct worker_child **ret);
void worker_child_term(struct worker_child *c);
void worker_child_kill(struct worker_child *c);

/* Lets go of it without a word: its keeper kills it. */
void worker_child_free(struct worker_child **c);
