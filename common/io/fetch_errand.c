#include "fetch_errand.h"

#include "thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define STACK_BYTES (512u << 10)

/* What the thread and the loop share; the last to let go releases it. */
struct shared {
    const struct fetch_errand_kind *kind;
    void *data;
    pthread_mutex_t lock; /* guards the rest */
    unsigned references;
    int done_fd; /* -1: nobody waits any more */
};

struct fetch_errand {
    struct shared *shared;
    struct loop_fd fd;
    void *arg;
};

static void let_go(struct shared *s)
{
    pthread_mutex_lock(&s->lock);
    bool is_last = --s->references == 0;
    pthread_mutex_unlock(&s->lock);
    if (!is_last)
        return;
    s->kind->release(s->data);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static void *run(void *arg)
{
    struct shared *s = arg;

    s->kind->run(s->data);
    pthread_mutex_lock(&s->lock);
    if (s->done_fd >= 0)
        (void)!write(s->done_fd, &(uint64_t){1}, sizeof(uint64_t));
    pthread_mutex_unlock(&s->lock);
    let_go(s);
    return NULL;
}

static void on_done(void *arg, unsigned ready)
{
    struct fetch_errand *e = arg;
    struct shared *s = e->shared;

    (void)ready;
    loop_fd_stop(&e->fd);
    /* Behind this lock lies all that the thread wrote. */
    pthread_mutex_lock(&s->lock);
    s->references++;
    pthread_mutex_unlock(&s->lock);
    s->kind->done(e->arg, s->data);
    let_go(s);
}

int fetch_errand_start(struct loop *l, const struct fetch_errand_kind *kind, void *data, void *arg,
                       struct fetch_errand **ret)
{
    CLEANUP(fetch_errand_free) struct fetch_errand *e = calloc(1, sizeof(*e));
    struct shared *s = calloc(1, sizeof(*s));
    pthread_t thread;

    if (!e || !s)
        abort();
    s->kind = kind;
    s->data = data;
    s->references = 1;
    pthread_mutex_init(&s->lock, NULL);
    e->shared = s;
    e->arg = arg;

    s->done_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (s->done_fd < 0)
        return -errno;
    loop_fd_init(&e->fd, l, s->done_fd, on_done, e);
    int error = loop_fd_want(&e->fd, LOOP_READ);
    if (error < 0)
        return error;

    s->references = 2;
    error = thread_start(&thread, "errand", STACK_BYTES, run, s);
    if (error < 0) {
        s->references = 1;
        return error;
    }
    pthread_detach(thread);
    *ret = TAKE(e);
    return 0;
}

void fetch_errand_free(struct fetch_errand **ref)
{
    struct fetch_errand *e = TAKE(*ref);

    if (!e)
        return;
    loop_fd_stop(&e->fd);
    pthread_mutex_lock(&e->shared->lock);
    if (e->shared->done_fd >= 0)
        close(e->shared->done_fd);
    e->shared->done_fd = -1;
    pthread_mutex_unlock(&e->shared->lock);
    let_go(e->shared);
    free(e);
}
