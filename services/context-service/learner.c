#include "learner.h"

#include "context_metrics.h"
#include "context_service.h"
#include "proto/message.h"

#define SAVE_INTERVAL (10 * USEC_PER_SEC)
#define MAX_MESSAGE   8192

static void on_saved(void *arg)
{
    struct learner *l = arg;

    l->is_saving = false;
}

static void save(void *arg)
{
    struct learner *l = arg;

    estimators_save(l->estimators);
}

/* The pool that is full now has room the next time. */
static void on_timer(void *arg)
{
    struct context_service *s = arg;
    struct learner *l = &s->learner;

    l->save = (struct offload_task){.work = save, .done = on_saved, .arg = l};
    if (!s->is_draining && !l->is_saving && estimators_are_new(l->estimators))
        l->is_saving = offload_submit(s->pool, &l->save) == OFFLOAD_OK;
    loop_timer_start(&l->timer, SAVE_INTERVAL);
}

void learner_start(struct context_service *s)
{
    s->learner.estimators = estimators_new(s->settings->paths.state);
    loop_timer_init(&s->learner.timer, s->loop, on_timer, s);
    loop_timer_start(&s->learner.timer, SAVE_INTERVAL);
}

void learner_stop(struct context_service *s)
{
    if (s->learner.timer.loop)
        loop_timer_stop(&s->learner.timer);
    estimators_free(&s->learner.estimators);
}

/* A peer cannot make series: the configured name that stands for it. */
static const char *label_of(const struct settings *s, struct str model)
{
    for (size_t i = 0; i < s->n_models; i++)
        for (size_t t = 0; t < s->models[i].n_targets; t++)
            if (str_is(model, s->models[i].targets[t].model))
                return s->models[i].name;
    return "other";
}

static void answer(struct bus_socket *socket, struct str routing_id, const struct learning *known)
{
    const struct message_header header = {.type = MESSAGE_WEIGHTS};
    uint8_t head[MESSAGE_HEADER_SIZE];
    struct buf body;

    buf_init(&body, MAX_MESSAGE);
    if (learning_encode(known, &body) == BUF_OK) {
        const struct bus_message m = {
            .frame = {routing_id, message_encode(&header, head), buf_str(&body)}, .n = 3};
        if (bus_socket_send(socket, &m) != BUS_OK) {
            /* counted by the bus: the next bill brings it */
        }
    }
    buf_done(&body);
}

void learner_take(struct context_service *s, struct bus_socket *socket, struct str routing_id,
                  struct str body)
{
    struct learning billed, known;
    struct arena a;
    double error;

    arena_init(&a, 16 * MAX_MESSAGE);
    if (!learning_decode(&a, body, &billed) ||
        !estimators_learn(s->learner.estimators, &billed, &known, &error)) {
        bus_socket_count_invalid(socket);
    } else {
        metrics_gauge(s->shard, METRIC_context_count_error_ratio, error,
                      label_of(s->settings, billed.model));
        if (known.margin > 0)
            answer(socket, routing_id, &known);
    }
    arena_done(&a);
}
