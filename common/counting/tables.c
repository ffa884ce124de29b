#include "tables.h"

#include "io/map_file.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_IDLE 8 /* counters of a table: as many as a pool has threads */
#define NO_TABLE COUNTING_RULE_TABLES

struct table {
    struct str file; /* mapped */
    struct vocab vocab;
    struct counter *idle[MAX_IDLE]; /* under the lock */
    size_t n_idle;
};

struct tables {
    struct table tables[COUNTING_RULE_TABLES + 1]; /* the last is of those without one */
    struct memo *memo;
    pthread_mutex_t lock;
};

static void open_table(struct table *t, const char *folder, const char *name)
{
    char path[4096];

    if (snprintf(path, sizeof(path), "%s/%s.table", folder, name) >= (int)sizeof(path) ||
        map_file_open(path, &t->file) != 0)
        return;
    if (vocab_init(&t->vocab, t->file) != VOCAB_OK)
        map_file_close(&t->file);
}

struct tables *tables_new(const char *folder, size_t max_remembered)
{
    struct tables *t = calloc(1, sizeof(*t));

    if (!t || pthread_mutex_init(&t->lock, NULL) != 0)
        abort();
    t->memo = memo_new(max_remembered);
    for (unsigned i = 0; i < COUNTING_RULE_TABLES; i++)
        open_table(&t->tables[i], folder, counting_rule_table_name(i));
    return t;
}

static void free_counter(struct counter **c)
{
    if (!*c)
        return;
    encode_free(&(*c)->encode);
    counter_done(*c);
    free(*c);
    *c = NULL;
}

void tables_free(struct tables **t)
{
    if (!*t)
        return;
    for (unsigned i = 0; i <= COUNTING_RULE_TABLES; i++) {
        struct table *table = &(*t)->tables[i];
        while (table->n_idle > 0)
            free_counter(&table->idle[--table->n_idle]);
        map_file_close(&table->file);
    }
    memo_free(&(*t)->memo);
    pthread_mutex_destroy(&(*t)->lock);
    free(*t);
    *t = NULL;
}

bool tables_are_missing(const struct tables *t, char *ret_names, size_t size)
{
    static const enum counting_rule_table needed[] = {COUNTING_RULE_O200K, COUNTING_RULE_CL100K};
    size_t len = 0;

    ret_names[0] = '\0';
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]) && len < size; i++)
        if (!t->tables[needed[i]].file.data)
            len += (size_t)snprintf(ret_names + len, size - len, " %s",
                                    counting_rule_table_name(needed[i]));
    return len > 0;
}

struct memo_stats tables_memory(const struct tables *t)
{
    return memo_look(t->memo);
}

static struct table *table_of(struct tables *t, const struct counting_rule *rule)
{
    struct table *table = &t->tables[rule->table];

    return table->file.data ? table : &t->tables[NO_TABLE];
}

bool tables_can_count(const struct tables *t, const struct counting_rule *rule)
{
    return rule->has_table && t->tables[rule->table].file.data;
}

static struct counter *make_counter(const struct tables *t, const struct table *table,
                                    const struct counting_rule *rule)
{
    struct counter *c = malloc(sizeof(*c));

    if (!c)
        abort();
    counter_init(c, rule, table->file.data ? encode_new(&table->vocab) : NULL);
    c->memory = memo_for_counters(t->memo);
    return c;
}

struct counter *tables_lend(struct tables *t, const struct counting_rule *rule)
{
    struct table *table = table_of(t, rule);
    struct counter *c = NULL;

    pthread_mutex_lock(&t->lock);
    if (table->n_idle > 0)
        c = table->idle[--table->n_idle];
    pthread_mutex_unlock(&t->lock);
    if (!c)
        return make_counter(t, table, rule);
    counter_renew(c, rule);
    return c;
}

void tables_take_back(struct tables *t, struct counter **c)
{
    struct counter *old = TAKE(*c);

    if (!old)
        return;
    struct table *table = table_of(t, old->rule);
    pthread_mutex_lock(&t->lock);
    if (table->n_idle < MAX_IDLE)
        table->idle[table->n_idle++] = TAKE(old);
    pthread_mutex_unlock(&t->lock);
    free_counter(&old);
}
