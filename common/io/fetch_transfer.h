/* fetch_transfer.h -- what has every fetch, whichever client carries it?
 *
 * Internal to the fetch files. fetch_curl and fetch_plain embed struct fetch in their own and move
 * the bytes; the list of live fetches, their deadlines and the handler's callbacks are here.
 */
#pragma once

#include "io/fetch.h"
#include "io/fetch_deadline.h"

#include <sys/queue.h>

struct fetch_curl;
struct fetch_plain;

/* One way to carry a fetch. */
struct fetch_client {
    /* Close the connection now (from inside the client: before this turn ends). */
    void (*stop)(struct fetch *f);
    /* The fetch has been stopped or is complete, and nobody looks at it any more. */
    void (*release)(struct fetch *f);
    /* Deliver what was held while paused, and go on reading. */
    void (*resume)(struct fetch *f);
    struct str (*header)(const struct fetch *f, const char *name);
    bool (*is_sent)(const struct fetch *f);
};

LIST_HEAD(fetch_list, fetch);

struct fetch {
    LIST_ENTRY(fetch) link;
    LIST_ENTRY(fetch) resume_link;
    struct fetch_pool *pool;
    const struct fetch_client *client;
    const struct fetch_origin *origin;
    struct fetch_handler handler;
    void *arg;
    struct fetch_deadline deadline;
    uint64_t body_bytes;
    enum fetch_result doom; /* not FETCH_OK: it ends so in the next turn */
    bool is_over;           /* no callback may follow */
    bool is_calling;        /* a callback is running: whoever called it releases the fetch */
    bool is_resuming;       /* on the pool's resumed list */
};

struct fetch_pool {
    struct loop *loop;
    LIST_HEAD(, fetch_curl) curls; /* one per file of authorities that was wanted */
    struct fetch_plain *plain;
    struct fetch_list live, resumed;
    struct loop_task resume_task;
    struct loop_timer timer; /* at the earliest deadline, or before it: deadlines move later */
    usec_t timer_at;         /* USEC_INFINITY: not armed */
};

void fetch_transfer_init(struct fetch_pool *p);
void fetch_transfer_stop_all(struct fetch_pool *p);
/* Release `memory`, which holds `task`: when the task's turn comes if it is queued. */
void fetch_transfer_free_after(struct loop_task *task, void *memory);

/* Put a new fetch on the pool's list and watch its deadlines. Its client sends the request next. */
void fetch_transfer_begin(struct fetch_pool *p, struct fetch *f, const struct fetch_origin *origin,
                          const struct fetch_handler *handler, void *arg);
/* For trouble found while starting: on_done in the next turn. */
void fetch_transfer_fail_soon(struct fetch *f, enum fetch_result result);

void fetch_transfer_connected(struct fetch *f);
/* The connection was stale: from here on it is as if none had been had. */
void fetch_transfer_reconnecting(struct fetch *f);
/* Bytes of the answer came in. */
void fetch_transfer_heard(struct fetch *f);
/* Hand on to the handler. False: the fetch is over and released, or will be by the client's
 * caller; do not touch it again. */
MUST_USE bool fetch_transfer_head(struct fetch *f, int status);
MUST_USE bool fetch_transfer_body(struct fetch *f, struct str bytes);
/* The client is through with the connection: on_done, release. */
void fetch_transfer_done(struct fetch *f, enum fetch_result result);
/* Stop the client first. */
void fetch_transfer_fail(struct fetch *f, enum fetch_result result);
void fetch_transfer_cancel(struct fetch *f);
void fetch_transfer_pause(struct fetch *f);
void fetch_transfer_resume(struct fetch *f);
