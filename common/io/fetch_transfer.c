#include "fetch_transfer.h"

#include <assert.h>
#include <stdlib.h>

/* Deadlines are at most this late; in return one timer serves all fetches of a pool. */
#define GRAIN (5 * USEC_PER_MSEC)

static void watch(struct fetch_pool *p, usec_t at)
{
    if (at >= p->timer_at)
        return;

    usec_t now = loop_now(p->loop);
    p->timer_at = at;
    loop_timer_start(&p->timer, at > now ? at - now : 0);
}

static usec_t next_deadline(const struct fetch *f, enum fetch_result *ret_result)
{
    if (f->doom != FETCH_OK) {
        *ret_result = f->doom;
        return 0;
    }
    return fetch_deadline_next(&f->deadline, f->origin, ret_result);
}

static void watch_fetch(struct fetch *f)
{
    enum fetch_result result;

    watch(f->pool, next_deadline(f, &result));
}

/* The expired are set aside first: a callback may cancel any other fetch. */
static void on_timer(void *arg)
{
    struct fetch_pool *p = arg;
    struct fetch_list expired = LIST_HEAD_INITIALIZER(expired);
    usec_t now = loop_now(p->loop), next = USEC_INFINITY;
    enum fetch_result result;

    for (struct fetch *f = LIST_FIRST(&p->live), *after; f; f = after) {
        after = LIST_NEXT(f, link);
        usec_t at = next_deadline(f, &result);
        if (at <= now) {
            LIST_REMOVE(f, link);
            LIST_INSERT_HEAD(&expired, f, link);
        } else if (at < next) {
            next = at;
        }
    }

    p->timer_at = USEC_INFINITY;
    if (next != USEC_INFINITY)
        watch(p, next > now + GRAIN ? next : now + GRAIN);

    for (struct fetch *f; (f = LIST_FIRST(&expired));) {
        (void)next_deadline(f, &result);
        fetch_transfer_fail(f, result);
    }
}

static void on_resume(void *arg)
{
    struct fetch_pool *p = arg;
    struct fetch_list resumed = LIST_HEAD_INITIALIZER(resumed);

    /* Only those who asked before now: a handler may pause and resume again and again. */
    for (struct fetch *f; (f = LIST_FIRST(&p->resumed));) {
        LIST_REMOVE(f, resume_link);
        LIST_INSERT_HEAD(&resumed, f, resume_link);
    }
    for (struct fetch *f; (f = LIST_FIRST(&resumed));) {
        LIST_REMOVE(f, resume_link);
        f->is_resuming = false;
        if (!f->deadline.is_paused)
            f->client->resume(f);
    }
}

void fetch_transfer_init(struct fetch_pool *p)
{
    LIST_INIT(&p->live);
    LIST_INIT(&p->resumed);
    p->resume_task = (struct loop_task){.fn = on_resume, .arg = p};
    loop_timer_init(&p->timer, p->loop, on_timer, p);
    p->timer_at = USEC_INFINITY;
}

void fetch_transfer_stop_all(struct fetch_pool *p)
{
    for (struct fetch *f; (f = LIST_FIRST(&p->live));)
        fetch_transfer_cancel(f);
    loop_timer_stop(&p->timer);
}

void fetch_transfer_free_after(struct loop_task *task, void *memory)
{
    if (!task->is_queued) {
        free(memory);
        return;
    }
    task->fn = free;
    task->arg = memory;
}

void fetch_transfer_begin(struct fetch_pool *p, struct fetch *f, const struct fetch_origin *origin,
                          const struct fetch_handler *handler, void *arg)
{
    f->pool = p;
    f->origin = origin;
    f->handler = *handler;
    f->arg = arg;
    f->deadline.started_at = f->deadline.connecting_at = loop_now(p->loop);
    LIST_INSERT_HEAD(&p->live, f, link);
    watch_fetch(f);
}

void fetch_transfer_fail_soon(struct fetch *f, enum fetch_result result)
{
    f->doom = result;
    watch_fetch(f);
}

void fetch_transfer_connected(struct fetch *f)
{
    f->deadline.connected_at = loop_now(f->pool->loop);
    watch_fetch(f);
}

void fetch_transfer_reconnecting(struct fetch *f)
{
    f->deadline.connecting_at = loop_now(f->pool->loop);
    f->deadline.connected_at = 0;
    watch_fetch(f);
}

void fetch_transfer_heard(struct fetch *f)
{
    bool is_first = !f->deadline.is_heard;

    f->deadline.heard_at = loop_now(f->pool->loop);
    f->deadline.is_heard = true;
    if (is_first)
        watch_fetch(f);
}

/* True if the fetch survived its callback. */
static bool survived(struct fetch *f)
{
    f->is_calling = false;
    if (!f->is_over)
        return true;
    f->client->release(f);
    return false;
}

bool fetch_transfer_head(struct fetch *f, int status)
{
    f->is_calling = true;
    f->handler.on_head(f->arg, f, status);
    return survived(f);
}

bool fetch_transfer_body(struct fetch *f, struct str bytes)
{
    f->body_bytes += bytes.len;
    if (f->origin->max_body > 0 && f->body_bytes > f->origin->max_body) {
        fetch_transfer_fail(f, FETCH_TOO_LARGE);
        return false;
    }
    f->is_calling = true;
    f->handler.on_body(f->arg, f, bytes);
    return survived(f);
}

static void leave(struct fetch *f)
{
    assert(!f->is_over);
    f->is_over = true;
    LIST_REMOVE(f, link);
    if (f->is_resuming)
        LIST_REMOVE(f, resume_link);
    f->is_resuming = false;
}

void fetch_transfer_done(struct fetch *f, enum fetch_result result)
{
    leave(f);
    f->handler.on_done(f->arg, f, result);
    f->client->release(f);
}

void fetch_transfer_fail(struct fetch *f, enum fetch_result result)
{
    f->client->stop(f);
    fetch_transfer_done(f, result);
}

void fetch_transfer_cancel(struct fetch *f)
{
    if (f->is_over)
        return;
    leave(f);
    f->client->stop(f);
    if (!f->is_calling)
        f->client->release(f);
}

void fetch_transfer_pause(struct fetch *f)
{
    f->deadline.is_paused = true;
}

/* Never delivers from inside the caller: held bytes come at the end of the turn. */
void fetch_transfer_resume(struct fetch *f)
{
    if (!f->deadline.is_paused || f->is_over)
        return;

    f->deadline.is_paused = false;
    f->deadline.heard_at = loop_now(f->pool->loop);
    watch_fetch(f);
    if (f->is_resuming)
        return;
    f->is_resuming = true;
    LIST_INSERT_HEAD(&f->pool->resumed, f, resume_link);
    if (!f->pool->resume_task.is_queued)
        loop_defer(f->pool->loop, &f->pool->resume_task);
}
