#include "io/offload.h"

#include "io/thread.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define STACK_BYTES (512u << 10)
#define PATIENCE    5
#define MAX_AHEAD   8

TAILQ_HEAD(queue, offload_task);

struct offload {
    struct loop *loop;
    struct offload_config config;
    unsigned under_way; /* loop's thread only, like bytes */
    size_t bytes;
    pthread_t *threads;
    unsigned n_threads;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t more;
    struct queue brief, others;
    unsigned n_ahead; /* brief ones, taken in a row while others waited */
    bool is_closing;
};

static struct queue *queue_of(struct offload_task *t)
{
    return t->is_brief ? &t->pool->brief : &t->pool->others;
}

static struct offload_task *find_task(struct offload *o)
{
    struct offload_task *brief = TAILQ_FIRST(&o->brief), *other = TAILQ_FIRST(&o->others);

    if (!other || (brief && o->n_ahead < MAX_AHEAD)) {
        o->n_ahead += other != NULL;
        return brief;
    }
    o->n_ahead = 0;
    return other;
}

static void leave_queue(struct offload_task *t)
{
    t->is_waiting = false;
    TAILQ_REMOVE(queue_of(t), t, link);
}

static struct offload_task *take_task(struct offload *o)
{
    struct offload_task *t;

    pthread_mutex_lock(&o->lock);
    while (!(t = find_task(o)) && !o->is_closing)
        pthread_cond_wait(&o->more, &o->lock);
    if (t)
        leave_queue(t);
    pthread_mutex_unlock(&o->lock);
    return t;
}

static void *run_tasks(void *arg)
{
    struct offload *o = arg;

    if (o->config.is_patient) /* of this thread alone, on Linux; where it may not, it need not */
        (void)setpriority(PRIO_PROCESS, (id_t)gettid(), PATIENCE);

    for (struct offload_task *t; (t = take_task(o));) {
        t->work(t->arg);
        loop_post(o->loop, &t->back);
    }
    return NULL;
}

int offload_new(struct loop *l, const struct offload_config *config, struct offload **ret)
{
    CLEANUP(offload_free) struct offload *o = calloc(1, sizeof(*o));
    int r = 0;

    if (!o)
        return -ENOMEM;
    o->loop = l;
    o->config = *config;
    TAILQ_INIT(&o->brief);
    TAILQ_INIT(&o->others);
    pthread_mutex_init(&o->lock, NULL);
    pthread_cond_init(&o->more, NULL);
    o->threads = calloc(config->threads, sizeof(*o->threads));
    if (!o->threads)
        return -ENOMEM;
    while (r == 0 && o->n_threads < config->threads) {
        r = thread_start(&o->threads[o->n_threads], "offload", STACK_BYTES, run_tasks, o);
        o->n_threads += r == 0;
    }
    if (r == 0)
        *ret = TAKE(o);
    return r;
}

void offload_free(struct offload **o)
{
    struct offload *old = *o;

    if (!old)
        return;
    assert(old->under_way == 0);
    pthread_mutex_lock(&old->lock);
    old->is_closing = true;
    pthread_cond_broadcast(&old->more);
    pthread_mutex_unlock(&old->lock);
    for (unsigned i = 0; i < old->n_threads; i++)
        pthread_join(old->threads[i], NULL);
    pthread_cond_destroy(&old->more);
    pthread_mutex_destroy(&old->lock);
    free(old->threads);
    free(old);
    *o = NULL;
}

static void forget(struct offload_task *t)
{
    t->pool->under_way--;
    t->pool->bytes -= t->bytes;
}

static void on_back(void *arg)
{
    struct offload_task *t = arg;

    forget(t);
    t->done(t->arg);
}

enum offload_result offload_submit(struct offload *o, struct offload_task *t)
{
    if (o->under_way >= o->config.max_tasks ||
        (o->under_way > 0 && o->bytes + t->bytes > o->config.max_bytes))
        return OFFLOAD_FULL;
    o->under_way++;
    o->bytes += t->bytes;
    t->pool = o;
    t->back = (struct loop_task){.fn = on_back, .arg = t};

    pthread_mutex_lock(&o->lock);
    t->is_waiting = true;
    TAILQ_INSERT_TAIL(queue_of(t), t, link);
    pthread_cond_signal(&o->more);
    pthread_mutex_unlock(&o->lock);
    return OFFLOAD_OK;
}

bool offload_withdraw(struct offload_task *t)
{
    pthread_mutex_lock(&t->pool->lock);
    bool is_waiting = t->is_waiting;
    if (is_waiting)
        leave_queue(t);
    pthread_mutex_unlock(&t->pool->lock);
    if (is_waiting)
        forget(t);
    return is_waiting;
}

unsigned offload_under_way(const struct offload *o)
{
    return o->under_way;
}
