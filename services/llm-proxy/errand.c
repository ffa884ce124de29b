#include "errand.h"

#include "worker.h"

#include <limits.h>
#include <stdint.h>

#define MANY 64

static const struct offload_config config = {
    .threads = 1, .max_tasks = UINT_MAX, .is_patient = true, .max_bytes = SIZE_MAX};

static void end(struct errand *e)
{
    e->is_out = false;
    e->worker->n_errands--;
}

static void on_over(void *arg)
{
    struct errand *e = arg;

    end(e);
    e->then(e->arg);
}

/* No thread is to be had: it is better done late than not. */
static void do_here(struct errand *e)
{
    e->work(e->arg);
    e->task.back = (struct loop_task){.fn = on_over, .arg = e};
    loop_post(e->worker->loop, &e->task.back);
}

static bool send(struct errand *e)
{
    struct worker *w = e->worker;

    if (!w->errands && offload_new(w->loop, &config, &w->errands) < 0)
        return false;
    return offload_submit(w->errands, &e->task) == OFFLOAD_OK;
}

static void work(void *arg)
{
    struct errand *e = arg;

    e->work(e->arg);
}

void errand_start(struct errand *e, struct worker *w, const struct errand_steps *steps, void *arg)
{
    *e = (struct errand){
        .task = {.work = work, .done = on_over, .arg = e, .is_brief = steps->is_brief},
        .worker = w,
        .work = steps->work,
        .then = steps->then,
        .arg = arg,
        .is_out = true,
    };
    w->n_errands++;
    if (!send(e))
        do_here(e);
}

bool errand_withdraw(struct errand *e)
{
    if (!e->is_out)
        return true;
    if (!e->task.pool || !offload_withdraw(&e->task))
        return false;
    end(e);
    return true;
}

bool errand_is_out(const struct errand *e)
{
    return e->is_out;
}

bool errand_is_late(const struct worker *w)
{
    return w->n_errands >= MANY;
}
