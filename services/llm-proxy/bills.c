#include "bills.h"

#include "counting/tables.h"
#include "exchange.h"
#include "proto/learning.h"
#include "worker.h"

#include <stdlib.h>
#include <string.h>

#define INTERVAL    USEC_PER_SEC
#define MAX_WAITING 64
#define MAX_MODELS  64
#define MAX_NAME    128
#define MAX_MESSAGE 8192

struct bill {
    char model[MAX_NAME];
    double features[ESTIMATE_FEATURES];
    int64_t tokens;
};

struct known {
    char model[MAX_NAME];
    struct counter_weights weights;
};

struct bills {
    struct context_client *client;
    struct loop_timer timer;
    struct bill waiting[MAX_WAITING];
    size_t n_waiting;
    struct known known[MAX_MODELS];
    size_t n_known;
    struct buf body;
};

static void send_one(struct bills *b, const struct bill *bill)
{
    struct learning l = {.model = str_from(bill->model),
                         .n_numbers = ESTIMATE_FEATURES,
                         .tokens = (double)bill->tokens};

    memcpy(l.numbers, bill->features, sizeof(bill->features));
    buf_clear(&b->body);
    if (learning_encode(&l, &b->body) == BUF_OK)
        context_client_tell_billed(b->client, buf_str(&b->body));
}

static void on_timer(void *arg)
{
    struct bills *b = arg;

    for (size_t i = 0; i < b->n_waiting; i++)
        send_one(b, &b->waiting[i]);
    b->n_waiting = 0;
}

static struct known *find(const struct bills *b, struct str model)
{
    for (size_t i = 0; i < b->n_known; i++)
        if (str_is(model, b->known[i].model))
            return (struct known *)&b->known[i];
    return NULL;
}

static void take_weights(void *arg, struct str body)
{
    struct bills *b = arg;
    struct learning l;
    struct arena a;

    arena_init(&a, 16 * MAX_MESSAGE);
    if (learning_decode(&a, body, &l) && l.n_numbers == ESTIMATE_FEATURES && l.margin > 0 &&
        l.model.len < MAX_NAME) {
        struct known *k = find(b, l.model);
        if (!k && b->n_known < MAX_MODELS)
            k = &b->known[b->n_known++];
        if (k) {
            str_copy(k->model, sizeof(k->model), l.model);
            k->weights = (struct counter_weights){.margin = l.margin, .is_learnt = true};
            memcpy(k->weights.of, l.numbers, sizeof(k->weights.of));
        }
    }
    arena_done(&a);
}

struct bills *bills_new(struct loop *l, struct context_client *client)
{
    struct bills *b = calloc(1, sizeof(*b));

    if (!b)
        abort();
    b->client = client;
    buf_init(&b->body, MAX_MESSAGE);
    loop_timer_init(&b->timer, l, on_timer, b);
    context_client_set_weights_fn(client, take_weights, b);
    return b;
}

void bills_free(struct bills **b)
{
    if (!*b)
        return;
    loop_timer_stop(&(*b)->timer);
    buf_done(&(*b)->body);
    free(*b);
    *b = NULL;
}

/* What is sent was what the client asked, of a size that is looked through in a few dozen
 * microseconds. */
static bool is_of_use(const struct bills *b, const struct exchange *x)
{
    const struct counting_rule *rule;

    if (b->n_waiting == MAX_WAITING || !x->chat.messages || x->fitting.condensed.len > 0 ||
        x->chat.body.len > ERRAND_COUNT_FROM || !x->relay.has_usage || x->relay.usage.is_local ||
        x->relay.usage.input <= 0 || strlen(x->target_model) >= MAX_NAME)
        return false;
    rule = tables_rule(x->worker->tables, str_from(x->target_model));
    return !rule->has_table && tables_have(x->worker->tables, rule->table);
}

void bills_add(struct bills *b, const struct exchange *x)
{
    if (!is_of_use(b, x))
        return;
    struct bill *bill = &b->waiting[b->n_waiting++];
    struct tables *tables = x->worker->tables;
    struct counter *c = tables_lend(tables, tables_rule(tables, str_from(x->target_model)));
    counter_features(c, x->chat.root, bill->features);
    tables_take_back(tables, &c);
    str_copy(bill->model, sizeof(bill->model), str_from(x->target_model));
    bill->tokens = x->relay.usage.input;
    if (!b->timer.is_armed)
        loop_timer_start(&b->timer, INTERVAL);
}

bool bills_find(const struct bills *b, const char *model, struct counter_weights *ret)
{
    const struct known *k = find(b, str_from(model));

    if (k)
        *ret = k->weights;
    return k != NULL;
}
