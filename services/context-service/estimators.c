#include "estimators.h"

#include "io/db.h"
#include "io/log.h"
#include "tokens/fit.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_MODELS 256
#define MAX_NAME   128
#define SMOOTH     0.05 /* what one sample adds to the error that is shown */

static_assert(ESTIMATE_FEATURES <= LEARNING_MAX_NUMBERS, "a message carries all features");

static const char *const migrations[] = {
    "CREATE TABLE estimators (model TEXT PRIMARY KEY, error REAL NOT NULL, fit BLOB NOT NULL)"
    " STRICT;",
};

struct model {
    char name[MAX_NAME];
    struct fit fit;
    double error;
    bool is_new; /* not saved */
};

struct estimators {
    pthread_mutex_t lock; /* of the models */
    struct model *models; /* MAX_MODELS; names stay where they are */
    size_t n;
    pthread_mutex_t saving; /* of what follows; never inside `lock` */
    struct db *db;          /* NULL: nothing is kept */
    struct db_statement *save;
};

static struct model *find(const struct estimators *e, struct str name)
{
    for (size_t i = 0; i < e->n; i++)
        if (str_is(name, e->models[i].name))
            return &e->models[i];
    return NULL;
}

static void read_models(struct estimators *e, struct db_statement *s)
{
    while (e->n < MAX_MODELS && db_step(s) == DB_ROW) {
        struct model *m = &e->models[e->n];
        struct str fit = db_text(s, 2);
        if (fit.len != sizeof(m->fit) || !str_copy(m->name, sizeof(m->name), db_text(s, 0)))
            continue; /* of another version */
        memcpy(&m->fit, fit.data, sizeof(m->fit));
        m->error = db_double(s, 1);
        e->n += fit_is_sane(&m->fit);
    }
    db_reset(s);
}

static void open_file(struct estimators *e, const char *state_dir)
{
    char path[4096];
    struct db_statement *all = NULL;

    snprintf(path, sizeof(path), "%s/estimators.db", state_dir);
    enum db_result r = db_open(path, DB_WRITER, migrations, 1, &e->db);
    if (db_is_damage(r)) {
        log_warning("%s is damaged (%s), setting it aside as estimators.db.damaged and beginning "
                    "anew",
                    path, db_error_text(NULL));
        db_set_aside(path);
        r = db_open(path, DB_WRITER, migrations, 1, &e->db);
    }
    if (r == DB_OK)
        r = db_exec(e->db, "PRAGMA synchronous=NORMAL");
    if (r == DB_OK)
        r = db_prepare(e->db, "SELECT model, error, fit FROM estimators", &all);
    if (r == DB_OK)
        r = db_prepare(e->db, "INSERT OR REPLACE INTO estimators VALUES (?1, ?2, ?3)", &e->save);
    if (r == DB_OK)
        read_models(e, all);
    else
        log_warning("what is learnt of tokenizers is not kept: %s: %s", path, db_error_text(e->db));
    db_statement_free(&all);
    if (r != DB_OK)
        db_close(&e->db);
}

struct estimators *estimators_new(const char *state_dir)
{
    struct estimators *e = calloc(1, sizeof(*e));

    if (!e || !(e->models = calloc(MAX_MODELS, sizeof(*e->models))) ||
        pthread_mutex_init(&e->lock, NULL) != 0 || pthread_mutex_init(&e->saving, NULL) != 0)
        abort();
    open_file(e, state_dir);
    return e;
}

void estimators_free(struct estimators **e)
{
    if (!*e)
        return;
    estimators_save(*e);
    db_statement_free(&(*e)->save);
    if ((*e)->db)
        db_close(&(*e)->db);
    pthread_mutex_destroy(&(*e)->lock);
    pthread_mutex_destroy(&(*e)->saving);
    free((*e)->models);
    free(*e);
    *e = NULL;
}

static struct model *find_or_add(struct estimators *e, struct str name)
{
    struct model *m = find(e, name);

    if (m || e->n == MAX_MODELS || name.len >= MAX_NAME)
        return m;
    m = &e->models[e->n++];
    str_copy(m->name, sizeof(m->name), name);
    fit_init(&m->fit);
    return m;
}

static void tell(const struct model *m, struct learning *ret)
{
    *ret = (struct learning){.model = str_from(m->name)};
    if (m->fit.n < FIT_TRUSTED)
        return;
    memcpy(ret->numbers, m->fit.weight, sizeof(m->fit.weight));
    ret->n_numbers = ESTIMATE_FEATURES;
    ret->margin = fit_margin(&m->fit, 0);
}

bool estimators_learn(struct estimators *e, const struct learning *billed, struct learning *ret,
                      double *ret_error)
{
    double error = -1;

    if (billed->n_numbers != ESTIMATE_FEATURES)
        return false;
    pthread_mutex_lock(&e->lock);
    struct model *m = find_or_add(e, billed->model);
    if (m)
        error = fit_learn(&m->fit, billed->numbers, billed->tokens);
    if (error >= 0) {
        m->error = m->error == 0 ? error : m->error + SMOOTH * (error - m->error);
        m->is_new = true;
        tell(m, ret);
        *ret_error = m->error;
    }
    pthread_mutex_unlock(&e->lock);
    return error >= 0;
}

bool estimators_find(struct estimators *e, struct str model, struct counter_weights *ret)
{
    struct learning known = {.n_numbers = 0};

    pthread_mutex_lock(&e->lock);
    const struct model *m = find(e, model);
    if (m)
        tell(m, &known);
    pthread_mutex_unlock(&e->lock);
    if (known.n_numbers == 0)
        return false;
    *ret = (struct counter_weights){.margin = known.margin, .is_learnt = true};
    memcpy(ret->of, known.numbers, sizeof(ret->of));
    return true;
}

bool estimators_are_new(struct estimators *e)
{
    bool is_new = false;

    pthread_mutex_lock(&e->lock);
    for (size_t i = 0; i < e->n; i++)
        is_new |= e->models[i].is_new;
    pthread_mutex_unlock(&e->lock);
    return is_new && e->db;
}

static bool take_new(struct estimators *e, size_t i, struct model *ret)
{
    pthread_mutex_lock(&e->lock);
    bool is_new = i < e->n && e->models[i].is_new;
    if (is_new) {
        *ret = e->models[i];
        e->models[i].is_new = false;
    }
    pthread_mutex_unlock(&e->lock);
    return is_new;
}

void estimators_save(struct estimators *e)
{
    struct model m;

    pthread_mutex_lock(&e->saving);
    for (size_t i = 0; e->db && i < MAX_MODELS; i++) {
        if (!take_new(e, i, &m))
            continue;
        db_bind_text(e->save, 1, str_from(m.name));
        db_bind_double(e->save, 2, m.error);
        db_bind_blob(e->save, 3, (struct str){(const char *)&m.fit, sizeof(m.fit)});
        if (db_step(e->save) != DB_OK)
            log_warning("what was learnt of %s is not kept: %s", m.name, db_error_text(e->db));
    }
    pthread_mutex_unlock(&e->saving);
}
