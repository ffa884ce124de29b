#include "tokenizers.h"

#include "io/log.h"
#include "io/map_file.h"
#include "tokens/encode.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_IDLE 8 /* encoders of a table: as many as the pool has threads */

struct table {
    struct str file; /* mapped */
    struct vocab vocab;
    struct encode *idle[MAX_IDLE]; /* under the lock */
    size_t n_idle;
};

static const char *const names[] = {"o200k_base", "cl100k_base"};
enum { O200K, CL100K, TABLES };

struct tokenizers {
    struct table tables[TABLES];
    pthread_mutex_t lock;
};

/* As OpenAI's tiktoken has it in model.py. The name goes on with '-' or ends, or is fine-tuned. */
static const struct model {
    const char *name;
    int table;
} models[] = {
    {"gpt-4o", O200K},
    {"gpt-4.1", O200K},
    {"gpt-4.5", O200K},
    {"gpt-5", O200K},
    {"gpt-oss", O200K},
    {"chatgpt-4o", O200K},
    {"o1", O200K},
    {"o3", O200K},
    {"o4-mini", O200K},
    {"gpt-4", CL100K},
    {"gpt-3.5", CL100K},
    {"gpt-35-turbo", CL100K},
    {"text-embedding-3", CL100K},
    {"text-embedding-ada-002", CL100K},
};

static bool open_table(struct table *t, const char *folder, const char *name)
{
    char path[4096];

    if (snprintf(path, sizeof(path), "%s/%s.table", folder, name) >= (int)sizeof(path) ||
        map_file_open(path, &t->file) != 0)
        return false;
    if (vocab_init(&t->vocab, t->file) == VOCAB_OK)
        return true;
    map_file_close(&t->file);
    return false;
}

struct tokenizers *tokenizers_new(const char *folder)
{
    struct tokenizers *t = calloc(1, sizeof(*t));
    char missing[64] = "";

    if (!t || pthread_mutex_init(&t->lock, NULL) != 0)
        abort();
    for (size_t i = 0; i < TABLES; i++) {
        if (open_table(&t->tables[i], folder, names[i]))
            continue;
        snprintf(missing + strlen(missing), sizeof(missing) - strlen(missing), " %s", names[i]);
    }
    if (missing[0])
        log_info("%s has no usable token table for%s: those counts are estimates", folder, missing);
    return t;
}

void tokenizers_free(struct tokenizers **t)
{
    if (!*t)
        return;
    for (size_t i = 0; i < TABLES; i++) {
        struct table *table = &(*t)->tables[i];
        while (table->n_idle > 0)
            encode_free(&table->idle[--table->n_idle]);
        map_file_close(&table->file);
    }
    pthread_mutex_destroy(&(*t)->lock);
    free(*t);
    *t = NULL;
}

static struct encode *borrow(struct tokenizers *t, struct table *table)
{
    struct encode *e = NULL;

    pthread_mutex_lock(&t->lock);
    if (table->n_idle > 0)
        e = table->idle[--table->n_idle];
    pthread_mutex_unlock(&t->lock);
    return e ? e : encode_new(&table->vocab);
}

static void give_back(struct tokenizers *t, struct table *table, struct encode *e)
{
    pthread_mutex_lock(&t->lock);
    if (table->n_idle < MAX_IDLE)
        table->idle[table->n_idle++] = TAKE(e);
    pthread_mutex_unlock(&t->lock);
    encode_free(&e);
}

static int find_table(struct str model)
{
    if (str_has_prefix(model, "ft:"))
        model = (struct str){model.data + 3, model.len - 3};
    for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
        size_t len = strlen(models[i].name);
        if (str_has_prefix(model, models[i].name) &&
            (model.len == len || model.data[len] == '-' || model.data[len] == ':'))
            return models[i].table;
    }
    return -1;
}

bool tokenizers_count(struct tokenizers *t, struct str model, struct str text, uint64_t *ret_tokens,
                      const char **ret_method)
{
    int i = find_table(model);

    if (i < 0 || !t->tables[i].file.data)
        return false;
    struct encode *e = borrow(t, &t->tables[i]);
    bool is_counted = encode_count(e, text, UINT64_MAX, ret_tokens) == ENCODE_OK;
    give_back(t, &t->tables[i], e);
    *ret_method = names[i];
    return is_counted;
}
