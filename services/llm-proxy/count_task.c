#include "count_task.h"

#include "counting/tables.h"
#include "io/offload.h"
#include "worker.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TASKS 64
#define MAX_BYTES ((size_t)64 << 20)
#define MAX_ARENA (256U << 20)

static const struct offload_config config = {
    .threads = 1, .max_tasks = MAX_TASKS, .is_patient = true, .max_bytes = MAX_BYTES};

struct count_task {
    struct offload_task task;
    struct tables *tables;
    struct count_task_question question; /* its body: a copy */
    count_task_fn done;
    void *arg;
    atomic_bool is_cancelled;
    struct count count;
    char body[];
};

static void count(struct count_task *t, const struct json_value *body)
{
    struct counter *c = tables_lend(t->tables, t->question.rule);

    c->weights = t->question.weights;
    counter_describe(c, counter_request(c, body, UINT64_MAX), &t->count);
    tables_take_back(t->tables, &c);
}

static void work(void *arg)
{
    struct count_task *t = arg;
    const struct json_value *body;
    struct arena a;
    size_t at;

    if (atomic_load(&t->is_cancelled))
        return;
    arena_init(&a, MAX_ARENA);
    if (json_parse(&a, t->question.body, &body, &at) == JSON_OK)
        count(t, body);
    arena_done(&a);
}

static void on_done(void *arg)
{
    struct count_task *t = arg;

    if (!atomic_load(&t->is_cancelled))
        t->done(t->arg, &t->count);
    free(t);
}

struct count_task *count_task_start(struct worker *w, const struct count_task_question *question,
                                    count_task_fn done, void *arg)
{
    size_t len = question->body.len;

    if (!w->counting && offload_new(w->loop, &config, &w->counting) < 0)
        return NULL;
    struct count_task *t = malloc(sizeof(*t) + len);
    if (!t)
        abort();
    *t = (struct count_task){.tables = w->tables, .question = *question, .done = done, .arg = arg};
    t->task = (struct offload_task){.work = work, .done = on_done, .arg = t, .bytes = len};
    memcpy(t->body, question->body.data, len);
    t->question.body.data = t->body;
    if (offload_submit(w->counting, &t->task) == OFFLOAD_OK)
        return t;
    free(t);
    return NULL;
}

void count_task_cancel(struct count_task **t)
{
    struct count_task *old = TAKE(*t);

    if (old)
        atomic_store(&old->is_cancelled, true);
}

bool count_task_is_any(const struct worker *w)
{
    return w->counting && offload_under_way(w->counting) > 0;
}
