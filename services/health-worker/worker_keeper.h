/* worker_keeper.h -- who sees to it that nothing of a local worker outlives it, or us?
 *
 * A process between health-worker and the program it runs, forked and never executed anew. It
 * adopts whatever the program leaves behind, and kills all of it when the program ends, when it is
 * told to, and when health-worker is gone, however that ended.
 */
#pragma once

#include <sys/types.h>

/* Descriptors 0 to 2 as the program is to have them, and the keeper's end of a SOCK_SEQPACKET pair
 * on 3; everything else is closed. */
struct worker_keeper {
    char *const *argv, *const *envp;
    const char *cgroup_procs; /* file that takes the program into its control group; NULL: none */
    const char *cgroup_kill;  /* file that ends all in it; NULL: none */
    int in, out, err, control;
};

/* Commands, a byte each. */
#define WORKER_KEEPER_TERM 'T' /* ask the program's process group to end */
#define WORKER_KEEPER_KILL 'K'

enum worker_keeper_report_kind {
    WORKER_KEEPER_RAN,    /* value: the process */
    WORKER_KEEPER_NO_RUN, /* value: errno */
    WORKER_KEEPER_ENDED,  /* value: as of wait(2); nothing of it is left */
};
struct worker_keeper_report {
    enum worker_keeper_report_kind kind;
    int value;
};

/* To be called in a process just forked; uses nothing that a fork in a program with threads may
 * not. */
_Noreturn void worker_keeper_run(const struct worker_keeper *k);
