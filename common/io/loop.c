#include "io/loop.h"

#include "io/log.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

_Static_assert(sizeof(struct event) <= sizeof(struct loop_event), "opaque storage holds an event");
_Static_assert(_Alignof(struct event) <= _Alignof(struct loop_event), "and is aligned for it");

struct loop_queue {
    struct loop_task *first, **end;
};

struct loop_signal {
    struct event event;
    struct loop *loop;
    loop_fn fn;
    void *arg;
    struct loop_signal *next;
};

struct loop {
    struct event_base *base;
    bool is_in_turn;
    usec_t now, wall; /* of this turn; wall is 0 until asked for */
    loop_lag_fn lag_fn;
    void *lag_arg;
    struct loop_queue deferred;
    struct loop_signal *signals;

    struct event wake;
    int wake_fd;
    atomic_bool is_stopping;
    pthread_mutex_t lock; /* guards posted */
    struct loop_queue posted;
};

static void queue_init(struct loop_queue *q)
{
    *q = (struct loop_queue){NULL, &q->first};
}

/* False if others were waiting already. */
static bool queue_add(struct loop_queue *q, struct loop_task *t)
{
    bool was_empty = q->first == NULL;

    assert(!t->is_queued);
    t->is_queued = true;
    t->next = NULL;
    *q->end = t;
    q->end = &t->next;
    return was_empty;
}

/* A task may release itself or queue itself again: it is not touched once it runs. */
static void run_tasks(struct loop_task *t)
{
    while (t) {
        struct loop_task *next = t->next;
        t->is_queued = false;
        t->fn(t->arg);
        t = next;
    }
}

static void run_deferred(struct loop *l)
{
    struct loop_task *first = l->deferred.first;

    queue_init(&l->deferred);
    run_tasks(first);
}

static void run_posted(struct loop *l)
{
    pthread_mutex_lock(&l->lock);
    struct loop_task *first = l->posted.first;
    queue_init(&l->posted);
    pthread_mutex_unlock(&l->lock);
    run_tasks(first);
}

/* The library tells nobody that its wait is over, so the first callback of a turn begins it. */
static void begin_turn(struct loop *l)
{
    if (l->is_in_turn)
        return;
    l->is_in_turn = true;
    l->now = clock_now();
    l->wall = 0;
    log_hold();
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct loop *l = arg;
    uint64_t count;

    (void)what;
    begin_turn(l);
    if (read(fd, &count, sizeof(count)) == sizeof(count))
        run_posted(l);
}

int loop_new(struct loop **ret)
{
    struct event_config *config = event_config_new();
    struct loop *l = calloc(1, sizeof(*l));
    if (!config || !l)
        abort();
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV);

    queue_init(&l->deferred);
    queue_init(&l->posted);
    pthread_mutex_init(&l->lock, NULL);
    l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int error = l->wake_fd < 0 ? errno : 0;
    if (!error && !(l->base = event_base_new_with_config(config)))
        error = errno ? errno : ENOMEM;
    event_config_free(config);
    if (!error) {
        event_assign(&l->wake, l->base, l->wake_fd, EV_READ | EV_PERSIST, on_wake, l);
        error = event_add(&l->wake, NULL) < 0 ? ENOMEM : 0;
    }
    if (error) {
        loop_free(&l);
        return -error;
    }
    *ret = l;
    return 0;
}

static void block_signal(int signo)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, signo);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

void loop_free(struct loop **ref)
{
    struct loop *l = *ref;

    if (!l)
        return;
    while (l->base && (l->deferred.first || l->posted.first)) { /* what is left are releases */
        run_posted(l);
        run_deferred(l);
    }
    while (l->signals) {
        struct loop_signal *s = l->signals;
        l->signals = s->next;
        block_signal(event_get_signal(&s->event)); /* a second one must not kill who is leaving */
        event_del(&s->event);
        free(s);
    }
    if (l->base) {
        event_del(&l->wake);
        event_base_free(l->base);
    }
    if (l->wake_fd >= 0)
        close(l->wake_fd);
    pthread_mutex_destroy(&l->lock);
    free(l);
    *ref = NULL;
}

static void run_turn(struct loop *l)
{
    event_base_loop(l->base, l->deferred.first ? EVLOOP_NONBLOCK : EVLOOP_ONCE);
    begin_turn(l);
    run_deferred(l);
    if (l->lag_fn)
        l->lag_fn(l->lag_arg, clock_now() - l->now);
    l->is_in_turn = false;
    log_release();
}

void loop_run(struct loop *l)
{
    while (!atomic_load(&l->is_stopping))
        run_turn(l);
    atomic_store(&l->is_stopping, false);
}

void loop_stop(struct loop *l)
{
    atomic_store(&l->is_stopping, true);
}

usec_t loop_now(struct loop *l)
{
    return l->is_in_turn ? l->now : clock_now();
}

usec_t loop_wall(struct loop *l)
{
    if (!l->is_in_turn)
        return clock_wall();
    if (l->wall == 0)
        l->wall = clock_wall();
    return l->wall;
}

static struct event *event_of(struct loop_event *e)
{
    return (struct event *)e->opaque;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct loop_timer *t = arg;

    (void)fd;
    (void)what;
    begin_turn(t->loop);
    t->is_armed = false;
    t->fn(t->arg);
}

void loop_timer_init(struct loop_timer *t, struct loop *l, loop_fn fn, void *arg)
{
    *t = (struct loop_timer){.loop = l, .fn = fn, .arg = arg};
    event_assign(event_of(&t->event), l->base, -1, 0, on_timer, t);
}

void loop_timer_start(struct loop_timer *t, usec_t delay)
{
    struct timeval after = {(time_t)(delay / USEC_PER_SEC), (suseconds_t)(delay % USEC_PER_SEC)};

    if (event_add(event_of(&t->event), &after) < 0)
        abort(); /* only memory can be short */
    t->is_armed = true;
}

void loop_timer_stop(struct loop_timer *t)
{
    if (!t->is_armed)
        return;
    event_del(event_of(&t->event));
    t->is_armed = false;
}

static bool has_socket_error(int fd)
{
    int error = 0;
    socklen_t size = sizeof(error);

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error != 0;
}

static void on_fd(evutil_socket_t fd, short what, void *arg)
{
    struct loop_fd *f = arg;
    unsigned ready = 0;

    begin_turn(f->loop);
    if (f->wanted & LOOP_CLOSED) {
        if ((what & EV_CLOSED) || has_socket_error(fd))
            ready |= LOOP_CLOSED;
    } else if (what & EV_READ) {
        ready |= LOOP_READ;
    }
    if (what & EV_WRITE)
        ready |= LOOP_WRITE;
    if (ready & f->wanted)
        f->fn(f->arg, ready & f->wanted);
}

void loop_fd_init(struct loop_fd *f, struct loop *l, int fd, loop_fd_fn fn, void *arg)
{
    *f = (struct loop_fd){.loop = l, .fn = fn, .arg = arg, .fd = fd};
}

int loop_fd_want(struct loop_fd *f, unsigned wanted)
{
    short what = EV_PERSIST;

    if (wanted == f->wanted)
        return 0;
    loop_fd_stop(f);
    if (wanted == 0)
        return 0;

    assert(!(wanted & LOOP_READ) || !(wanted & LOOP_CLOSED));
    if (wanted & LOOP_READ)
        what |= EV_READ;
    if (wanted & LOOP_WRITE)
        what |= EV_WRITE;
    /* A reset is reported as readable, not as closed; by edges, or unread bytes would spin us. */
    if (wanted & LOOP_CLOSED)
        what |= EV_CLOSED | EV_READ | EV_ET;
    struct event *event = event_of(&f->event);
    event_assign(event, f->loop->base, f->fd, what, on_fd, f);
    if (event_add(event, NULL) < 0)
        return errno ? -errno : -EIO;
    f->wanted = wanted;
    return 0;
}

void loop_fd_stop(struct loop_fd *f)
{
    if (f->wanted == 0)
        return;
    event_del(event_of(&f->event));
    f->wanted = 0;
}

void loop_defer(struct loop *l, struct loop_task *t)
{
    queue_add(&l->deferred, t);
}

static void wake(struct loop *l)
{
    uint64_t one = 1;
    ssize_t n = write(l->wake_fd, &one, sizeof(one));

    (void)n; /* a full counter wakes just as well */
}

void loop_post(struct loop *l, struct loop_task *t)
{
    pthread_mutex_lock(&l->lock);
    bool is_first = queue_add(&l->posted, t);
    pthread_mutex_unlock(&l->lock);
    if (is_first)
        wake(l);
}

void loop_post_stop(struct loop *l)
{
    loop_stop(l);
    wake(l);
}

static void on_signal(evutil_socket_t signo, short what, void *arg)
{
    struct loop_signal *s = arg;

    (void)signo;
    (void)what;
    begin_turn(s->loop);
    s->fn(s->arg);
}

int loop_on_signal(struct loop *l, int signo, loop_fn fn, void *arg)
{
    struct loop_signal *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    *s = (struct loop_signal){.loop = l, .fn = fn, .arg = arg, .next = l->signals};
    event_assign(&s->event, l->base, signo, EV_SIGNAL | EV_PERSIST, on_signal, s);
    if (event_add(&s->event, NULL) < 0) {
        int error = errno ? errno : EIO;
        free(s);
        return -error;
    }
    l->signals = s;
    return 0;
}

void loop_set_lag_fn(struct loop *l, loop_lag_fn fn, void *arg)
{
    l->lag_fn = fn;
    l->lag_arg = arg;
}
