/* gpu_watch.h -- what did the GPUs last say, and can it still be believed?
 *
 * A thread asks, because a driver can take its time or never answer: the caller never waits. An
 * answer is believed for GPU_WATCH_PATIENCE rounds after it was asked for, then there is none.
 */
#pragma once

#include "base/clock.h"
#include "base/macro.h"
#include "gpu.h"

#define GPU_WATCH_PATIENCE 3
#define GPU_WATCH_REST     12 /* rounds left out after an error */

struct gpu_watch;

/* Called on the thread, which also closes the source in the end. */
struct gpu_source {
    int (*read)(void *arg, struct gpu_list *ret); /* 0, or an error code */
    void (*close)(void *arg);
    void *arg;
};

enum gpu_watch_state {
    GPU_WATCH_NEW,    /* not asked, or not waited for long */
    GPU_WATCH_OK,     /* the list is good */
    GPU_WATCH_FAILED, /* it answered with an error */
    GPU_WATCH_SILENT, /* it has not answered for too long */
};

struct gpu_watch_view {
    enum gpu_watch_state state;
    int error;             /* FAILED */
    struct gpu_list *list; /* OK; the watch's, until the next view */
};

/* -errno when there can be no thread; the source is then still the caller's. */
MUST_USE int gpu_watch_new(const struct gpu_source *source, struct gpu_watch **ret);

/* Once a round, which is this long. A question still unanswered is not asked again. */
void gpu_watch_ask(struct gpu_watch *w, usec_t now, usec_t round);

/* The newest there is. */
void gpu_watch_look(struct gpu_watch *w, usec_t now, struct gpu_watch_view *ret);

/* A thread that does not end within 50 ms is left to its driver. */
void gpu_watch_free(struct gpu_watch **w);
