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

struct offload {
    struct loop *loop;
    struct offload_config config;
    unsigned under_way; /* loop's thread only, like bytes */
    size_t bytes;
    pthread_t *threads;
    unsigned n_threads;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t more;
    struct offload_task *first, **end;
    bool is_closing;
};

static struct offload_task *take_task(struct offload *o)
{
    pthread_mutex_lock(&o->lock);
    while (!o->first && !o->is_closing)
        pthread_cond_wait(&o->more, &o->lock);
    struct offload_task *t = o->first;
    if (t) {
        o->first = t->next;
        if (!o->first)
            o->end = &o->first;
    }
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
    o->end = &o->first;
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

static void on_back(void *arg)
{
    struct offload_task *t = arg;

    t->pool->under_way--;
    t->pool->bytes -= t->bytes;
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
    t->next = NULL;

    pthread_mutex_lock(&o->lock);
    *o->end = t;
    o->end = &t->next;
    pthread_cond_signal(&o->more);
    pthread_mutex_unlock(&o->lock);
    return OFFLOAD_OK;
}

unsigned offload_under_way(const struct offload *o)
{
    return o->under_way;
}
