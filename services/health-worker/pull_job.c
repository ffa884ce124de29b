#include "pull_job.h"

#include "io/thread.h"
#include "pull_http.h"
#include "pull_ollama.h"
#include "settings/secret.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STACK_BYTES (512u << 10)

struct pull_job_thread {
    pthread_t thread;
    struct loop *loop; /* the owner's */
    struct loop_task task;
    pull_job_fn fn; /* NULL: nobody waits any more */
    void *arg;
};

static const char *const state_texts[] = {"queued", "running", "done", "failed", "cancelled"};

const char *pull_job_state_text(enum pull_state s)
{
    return state_texts[s];
}

bool pull_job_state_parse(struct str text, enum pull_state *ret)
{
    for (unsigned s = 0; s < sizeof(state_texts) / sizeof(state_texts[0]); s++) {
        if (str_is(text, state_texts[s])) {
            *ret = (enum pull_state)s;
            return true;
        }
    }
    return false;
}

struct pull_job *pull_job_new(void)
{
    struct pull_job *j = calloc(1, sizeof(*j));

    if (!j)
        abort();
    return j;
}

void pull_job_fail(struct pull_job *j, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(j->error, sizeof(j->error), format, args);
    va_end(args);
    j->state = PULL_FAILED;
    loop_stop(j->loop);
}

void pull_job_succeed(struct pull_job *j)
{
    j->state = PULL_DONE;
    loop_stop(j->loop);
}

static void on_end(void *arg)
{
    struct pull_job_thread *t = arg;

    if (t->fn)
        t->fn(t->arg);
    else
        free(t);
}

static void *run(void *arg)
{
    struct pull_job *j = arg;

    if (j->request.url[0])
        pull_http_run(j);
    else
        pull_ollama_run(j);
    if (j->state == PULL_RUNNING)
        j->state = PULL_CANCELLED;
    loop_post(j->thread->loop, &j->thread->task);
    return NULL;
}

int pull_job_start(struct pull_job *j, struct loop *l, pull_job_fn fn, void *arg)
{
    int r = loop_new(&j->loop);

    if (r < 0)
        return r;
    j->thread = calloc(1, sizeof(*j->thread));
    if (!j->thread)
        abort();
    *j->thread = (struct pull_job_thread){.loop = l, .fn = fn, .arg = arg};
    j->thread->task = (struct loop_task){.fn = on_end, .arg = j->thread};
    j->state = PULL_RUNNING;
    r = thread_start(&j->thread->thread, "pull", STACK_BYTES, run, j);
    if (r < 0) {
        free(j->thread);
        j->thread = NULL;
        loop_free(&j->loop);
    }
    return r;
}

void pull_job_cancel(struct pull_job *j)
{
    atomic_store(&j->is_cancelled, true);
    if (j->thread)
        loop_post_stop(j->loop);
}

void pull_job_free(struct pull_job **j)
{
    struct pull_job *old = TAKE(*j);

    if (!old)
        return;
    if (old->thread) {
        pull_job_cancel(old);
        pthread_join(old->thread->thread, NULL);
        if (old->thread->task.is_queued)
            old->thread->fn = NULL; /* its task frees it */
        else
            free(old->thread);
        loop_free(&old->loop);
    }
    secret_free(&old->credential);
    free(old);
}
