#include "gpu_watch.h"

#include "io/thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define STACK_BYTES (512u << 10)
#define FAREWELL_NS 50000000L

/* Shared with the thread; the last of the two to leave releases it. */
struct desk {
    struct gpu_source source;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    bool is_asked, is_closing, is_left; /* by the loop */
    bool has_ended;                     /* the thread */
    bool has_answer;
    int error;
    struct gpu_list list; /* the answer; the thread fills a list of its own */
};

struct gpu_watch {
    struct desk *desk;
    pthread_t thread;
    usec_t round, asked_at, believed_until, rest_until;
    bool is_waiting;
    enum gpu_watch_state state;
    int error;
    struct gpu_list list;
};

static void free_desk(struct desk *d)
{
    pthread_cond_destroy(&d->changed);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

/* ---- the thread ---- */

static bool wait_for_question(struct desk *d)
{
    pthread_mutex_lock(&d->lock);
    while (!d->is_asked && !d->is_closing)
        pthread_cond_wait(&d->changed, &d->lock);
    bool has_question = !d->is_closing;
    pthread_mutex_unlock(&d->lock);
    return has_question;
}

static void *answer_questions(void *arg)
{
    struct desk *d = arg;
    struct gpu_list *list = calloc(1, sizeof(*list));

    if (!list)
        abort();
    while (wait_for_question(d)) {
        int error = d->source.read(d->source.arg, list);
        pthread_mutex_lock(&d->lock);
        d->error = error;
        d->list = *list;
        d->is_asked = false;
        d->has_answer = true;
        pthread_mutex_unlock(&d->lock);
    }
    free(list);
    d->source.close(d->source.arg);
    pthread_mutex_lock(&d->lock);
    d->has_ended = true;
    bool is_left = d->is_left;
    pthread_cond_broadcast(&d->changed);
    pthread_mutex_unlock(&d->lock);
    if (is_left)
        free_desk(d);
    return NULL;
}

/* ---- the loop ---- */

static void init_changed(struct desk *d)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&d->changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

int gpu_watch_new(const struct gpu_source *source, struct gpu_watch **ret)
{
    struct gpu_watch *w = calloc(1, sizeof(*w));
    struct desk *d = calloc(1, sizeof(*d));

    if (!w || !d)
        abort();
    d->source = *source;
    pthread_mutex_init(&d->lock, NULL);
    init_changed(d);
    w->desk = d;
    w->believed_until = USEC_INFINITY;
    int r = thread_start(&w->thread, "gpu", STACK_BYTES, answer_questions, w->desk);
    if (r < 0) {
        free_desk(d);
        free(w);
        return r;
    }
    *ret = w;
    return 0;
}

static void take_answer(struct gpu_watch *w)
{
    struct desk *d = w->desk;

    pthread_mutex_lock(&d->lock);
    bool is_new = d->has_answer;
    if (is_new) {
        w->error = d->error;
        w->list = d->list;
        d->has_answer = false;
    }
    pthread_mutex_unlock(&d->lock);
    if (!is_new)
        return;
    w->is_waiting = false;
    w->state = w->error ? GPU_WATCH_FAILED : GPU_WATCH_OK;
    w->believed_until = w->asked_at + GPU_WATCH_PATIENCE * w->round;
    if (w->error)
        w->rest_until = w->asked_at + GPU_WATCH_REST * w->round;
}

void gpu_watch_ask(struct gpu_watch *w, usec_t now, usec_t round)
{
    take_answer(w);
    if (w->is_waiting || now < w->rest_until)
        return;
    w->is_waiting = true;
    w->asked_at = now;
    w->round = round;
    if (w->state == GPU_WATCH_NEW)
        w->believed_until = now + GPU_WATCH_PATIENCE * w->round;
    pthread_mutex_lock(&w->desk->lock);
    w->desk->is_asked = true;
    pthread_cond_broadcast(&w->desk->changed);
    pthread_mutex_unlock(&w->desk->lock);
}

void gpu_watch_look(struct gpu_watch *w, usec_t now, struct gpu_watch_view *ret)
{
    take_answer(w);
    bool is_late = w->state != GPU_WATCH_FAILED && now > w->believed_until;
    *ret = (struct gpu_watch_view){
        .state = is_late ? GPU_WATCH_SILENT : w->state,
        .error = w->error,
        .list = &w->list,
    };
}

/* False: it has not ended in time, and what it holds is now its own. */
static bool wait_for_end(struct desk *d)
{
    struct timespec until;
    int r = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += FAREWELL_NS;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&d->lock);
    d->is_closing = true;
    pthread_cond_broadcast(&d->changed);
    while (!d->has_ended && r == 0)
        r = pthread_cond_timedwait(&d->changed, &d->lock, &until);
    d->is_left = !d->has_ended;
    bool has_ended = d->has_ended;
    pthread_mutex_unlock(&d->lock);
    return has_ended;
}

void gpu_watch_free(struct gpu_watch **w)
{
    if (!*w)
        return;
    if (wait_for_end((*w)->desk)) {
        pthread_join((*w)->thread, NULL);
        free_desk((*w)->desk);
    } else {
        pthread_detach((*w)->thread);
    }
    free(*w);
    *w = NULL;
}
