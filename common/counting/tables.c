#include "tables.h"

#include "imported.h"
#include "io/map_file.h"
#include "tokens/estimate_memory.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_IDLE     8 /* counters of a table: as many as a pool has threads */
#define MAX_IMPORTED 64

struct lent {
    struct counter counter; /* first: it is what is handed out */
    struct table *of;
};

struct table {
    struct str file; /* mapped; none: counters of it estimate */
    struct vocab vocab;
    struct lent *idle[MAX_IDLE];
    size_t n_idle, n_lent;
    bool is_replaced; /* goes with the last counter that comes back */
};

/* Where a rule finds its table: the number of a place is the rule's `table`. */
struct place {
    char name[VOCAB_NAME];
    struct table *table;       /* NULL: not there */
    char *globs;               /* of an imported one, else NULL */
    struct counting_rule rule; /* of an imported one */
};

struct tables {
    struct place places[COUNTING_RULE_TABLES + MAX_IMPORTED];
    size_t n_places;
    struct table *none;
    struct memo *memo, *estimates;
    pthread_mutex_t lock; /* of all of this */
};

static struct table *open_table(const char *folder, const char *name)
{
    struct table *t = calloc(1, sizeof(*t));
    char path[4096];

    if (!t)
        abort();
    if ((size_t)snprintf(path, sizeof(path), "%s/%s.table", folder, name) < sizeof(path) &&
        map_file_open(path, &t->file) == 0 && vocab_init(&t->vocab, t->file) == VOCAB_OK)
        return t;
    map_file_close(&t->file);
    free(t);
    return NULL;
}

static void free_lent(struct lent **l)
{
    if (!*l)
        return;
    encode_free(&(*l)->counter.encode);
    counter_done(&(*l)->counter);
    free(*l);
    *l = NULL;
}

static void free_table(struct table **t)
{
    if (!*t)
        return;
    while ((*t)->n_idle > 0)
        free_lent(&(*t)->idle[--(*t)->n_idle]);
    map_file_close(&(*t)->file);
    free(*t);
    *t = NULL;
}

static bool is_same(const struct table *a, const struct table *b)
{
    return a == b || (a && b && memcmp(a->vocab.header, b->vocab.header, VOCAB_HEADER) == 0);
}

static void replace(struct place *p, struct table *fresh)
{
    struct table *old = p->table;

    if (is_same(old, fresh)) {
        free_table(&fresh);
        return;
    }
    p->table = fresh;
    if (old && old->n_lent > 0)
        old->is_replaced = true;
    else
        free_table(&old);
}

/* A name keeps its place, table or not: somebody may hold the rule. NULL when all are taken. */
static struct place *place_of(struct tables *t, const char *name)
{
    struct place *p = t->places;

    for (; p < t->places + t->n_places; p++)
        if (strcmp(p->name, name) == 0)
            return p;
    if (t->n_places == sizeof(t->places) / sizeof(t->places[0]))
        return NULL;
    str_copy(p->name, sizeof(p->name), str_from(name));
    p->rule = *counting_rule_find(STR_EMPTY);
    p->rule.family = p->name;
    p->rule.table = (enum counting_rule_table)t->n_places++;
    p->rule.has_table = true;
    return p;
}

void tables_reload(struct tables *t, const char *folder)
{
    struct imported found[MAX_IMPORTED];
    size_t n = imported_list(folder, found, MAX_IMPORTED);

    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < t->n_places; i++) {
        free(t->places[i].globs);
        t->places[i].globs = NULL;
    }
    for (size_t i = 0; i < n; i++) {
        struct place *p = place_of(t, found[i].name);
        if (p)
            p->globs = found[i].globs;
        else
            free(found[i].globs);
    }
    for (size_t i = 0; i < t->n_places; i++)
        replace(&t->places[i], open_table(folder, t->places[i].name));
    pthread_mutex_unlock(&t->lock);
}

struct tables *tables_new(const char *folder, size_t max_remembered)
{
    struct tables *t = calloc(1, sizeof(*t));

    if (!t || pthread_mutex_init(&t->lock, NULL) != 0 || !(t->none = calloc(1, sizeof(*t->none))))
        abort();
    t->memo = memo_new(max_remembered, sizeof(struct counter_known));
    t->estimates = memo_new(max_remembered, sizeof(struct estimate_memory_parts));
    for (unsigned i = 0; i < COUNTING_RULE_TABLES; i++)
        (void)place_of(t, counting_rule_table_name(i));
    tables_reload(t, folder);
    return t;
}

void tables_free(struct tables **t)
{
    if (!*t)
        return;
    for (size_t i = 0; i < (*t)->n_places; i++) {
        free_table(&(*t)->places[i].table);
        free((*t)->places[i].globs);
    }
    free_table(&(*t)->none);
    memo_free(&(*t)->memo);
    memo_free(&(*t)->estimates);
    pthread_mutex_destroy(&(*t)->lock);
    free(*t);
    *t = NULL;
}

bool tables_are_missing(struct tables *t, char *ret_names, size_t size)
{
    static const enum counting_rule_table needed[] = {COUNTING_RULE_O200K, COUNTING_RULE_CL100K};
    size_t len = 0;

    ret_names[0] = '\0';
    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]) && len < size; i++)
        if (!t->places[needed[i]].table)
            len += (size_t)snprintf(ret_names + len, size - len, " %s",
                                    counting_rule_table_name(needed[i]));
    pthread_mutex_unlock(&t->lock);
    return len > 0;
}

struct memo_stats tables_memory(const struct tables *t)
{
    return memo_look(t->memo);
}

const struct counting_rule *tables_rule(struct tables *t, struct str model)
{
    const struct counting_rule *found = NULL;

    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < t->n_places && !found; i++) {
        const struct place *p = &t->places[i];
        if (p->globs && p->table && imported_is_for(p->globs, model))
            found = &p->rule;
    }
    pthread_mutex_unlock(&t->lock);
    return found ? found : counting_rule_find(model);
}

bool tables_have(struct tables *t, enum counting_rule_table which)
{
    bool is_there;

    pthread_mutex_lock(&t->lock);
    is_there = t->places[which].table != NULL;
    pthread_mutex_unlock(&t->lock);
    return is_there;
}

bool tables_can_count(struct tables *t, const struct counting_rule *rule)
{
    bool is_there;

    pthread_mutex_lock(&t->lock);
    is_there = rule->has_table && t->places[rule->table].table;
    pthread_mutex_unlock(&t->lock);
    return is_there;
}

static struct lent *make_counter(const struct tables *t, struct table *table,
                                 const struct counting_rule *rule)
{
    struct lent *l = malloc(sizeof(*l));

    if (!l)
        abort();
    counter_init(&l->counter, rule, table->file.data ? encode_new(&table->vocab) : NULL);
    l->counter.memory = memo_for_counters(t->memo);
    l->counter.estimates = memo_for_counters(t->estimates);
    l->of = table;
    return l;
}

struct counter *tables_lend(struct tables *t, const struct counting_rule *rule)
{
    struct lent *l = NULL;
    struct table *table;

    pthread_mutex_lock(&t->lock);
    table = t->places[rule->table].table;
    if (!table)
        table = t->none;
    table->n_lent++;
    if (table->n_idle > 0)
        l = table->idle[--table->n_idle];
    pthread_mutex_unlock(&t->lock);
    if (!l)
        return &make_counter(t, table, rule)->counter;
    counter_renew(&l->counter, rule);
    return &l->counter;
}

void tables_take_back(struct tables *t, struct counter **c)
{
    struct lent *old = (struct lent *)(void *)TAKE(*c);
    struct table *gone = NULL;

    if (!old)
        return;
    pthread_mutex_lock(&t->lock);
    struct table *table = old->of;
    if (--table->n_lent == 0 && table->is_replaced)
        gone = table;
    else if (!table->is_replaced && table->n_idle < MAX_IDLE)
        table->idle[table->n_idle++] = TAKE(old);
    pthread_mutex_unlock(&t->lock);
    free_lent(&old);
    free_table(&gone);
}
