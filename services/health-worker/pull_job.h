/* pull_job.h -- one download, on a thread and a loop of its own: what is to be done, how far is it,
 * how did it end?
 *
 * Disks and hashes may take their time there; the daemon's loop only looks at the progress.
 */
#pragma once

#include "io/loop.h"
#include "pull_request.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum pull_state {
    PULL_QUEUED,
    PULL_RUNNING,
    PULL_DONE,
    PULL_FAILED,
    PULL_CANCELLED,
};
const char *pull_job_state_text(enum pull_state s);
MUST_USE bool pull_job_state_parse(struct str text, enum pull_state *ret);

struct pull_job {
    /* filled by the owner before the start */
    struct pull_request request;
    char folder[PATH_MAX];
    uint64_t reserve;
    char base_url[PULL_MAX_URL]; /* of request.provider; or below which the credential is shown */
    char *credential;            /* NULL: none. Wiped and freed with the job */

    /* the thread's until it has ended */
    struct loop *loop;
    enum pull_state state;
    char error[256];
    char sha256[PULL_HASH_SIZE];
    bool is_verified;
    char path[PATH_MAX];

    _Atomic uint64_t bytes, total; /* total 0: not known */
    _Atomic uint64_t received;     /* over the network, for the counter */
    _Atomic bool is_cancelled;
    _Atomic bool is_unwanted; /* with it: what has come is not to be kept for another time */

    struct pull_job_thread *thread;
};

struct pull_job *pull_job_new(void);
void pull_job_free(struct pull_job **j); /* cancels it, and waits for its thread's end */

typedef void (*pull_job_fn)(void *arg);
/* `fn` runs on `l` when the job has ended, unless it is freed before. -errno. */
MUST_USE int pull_job_start(struct pull_job *j, struct loop *l, pull_job_fn fn, void *arg);
void pull_job_cancel(struct pull_job *j); /* soon over */

/* For the thread: how it ended, and the end of its loop. */
void pull_job_fail(struct pull_job *j, const char *format, ...) PRINTF_LIKE(2, 3);
void pull_job_succeed(struct pull_job *j);
