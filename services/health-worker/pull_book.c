#include "pull_book.h"

#include "base/arena.h"
#include "io/log.h"

#include <stdlib.h>

#define MAX_TEXTS (32u << 10)

struct entry {
    struct arena texts;
    struct pull_row pull;
    struct model_row model;
    bool has_model;
};

static const char *keep(struct entry *e, const char *text)
{
    const char *copy = arena_printf(&e->texts, "%s", text ? text : "");

    if (!copy)
        abort(); /* each of them is bounded */
    return copy;
}

static enum db_result run(struct db *d, const char *sql,
                          void (*bind)(struct db_statement *s, const struct entry *e),
                          const struct entry *e)
{
    struct db_statement *s = NULL;
    enum db_result r = db_prepare(d, sql, &s);

    if (r == DB_OK) {
        bind(s, e);
        r = db_step(s);
    }
    db_statement_free(&s);
    return r;
}

static void bind_pull(struct db_statement *s, const struct entry *e)
{
    db_bind_int(s, 1, e->pull.id);
    db_bind_text(s, 2, str_from(e->pull.name));
    db_bind_text(s, 3, str_from(e->pull.provider));
    db_bind_text(s, 4, str_from(e->pull.request));
    db_bind_text(s, 5, str_from(pull_job_state_text(e->pull.state)));
    db_bind_text(s, 6, str_from(e->pull.error));
    db_bind_int(s, 7, (int64_t)e->pull.bytes);
    db_bind_int(s, 8, (int64_t)e->pull.total);
    db_bind_int(s, 9, (int64_t)e->pull.at_ms);
}

static void bind_model(struct db_statement *s, const struct entry *e)
{
    db_bind_text(s, 1, str_from(e->model.name));
    db_bind_text(s, 2, str_from(e->model.provider));
    db_bind_text(s, 3, str_from(e->model.source));
    db_bind_text(s, 4, str_from(e->model.path));
    db_bind_int(s, 5, (int64_t)e->model.bytes);
    db_bind_text(s, 6, str_from(e->model.sha256));
    db_bind_int(s, 7, e->model.is_verified);
    db_bind_int(s, 8, (int64_t)e->model.at_ms);
}

static void bind_oldest(struct db_statement *s, const struct entry *e)
{
    db_bind_int(s, 1, e->pull.id - PULL_BOOK_KEPT);
}

static enum db_result write_rows(struct db *d, const struct entry *e)
{
    enum db_result r = run(d,
                           "INSERT OR REPLACE INTO pulls(id, name, provider, request, state, error,"
                           " bytes, total, at_ms) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
                           bind_pull, e);
    if (r == DB_OK && e->has_model)
        r = run(d,
                "INSERT OR REPLACE INTO models(name, provider, source, path, bytes, sha256,"
                " is_verified, at_ms) VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
                bind_model, e);
    if (r == DB_OK)
        r = run(d, "DELETE FROM pulls WHERE id <= ? AND request = ''", bind_oldest, e);
    return r;
}

static void write_entry(void *arg, struct db *d)
{
    struct entry *e = arg;

    if (d) {
        enum db_result r = db_exec(d, "BEGIN IMMEDIATE");
        if (r == DB_OK)
            r = write_rows(d, e);
        if (r == DB_OK)
            r = db_exec(d, "COMMIT");
        if (r != DB_OK) {
            log_warning("the download of %s is not in the catalogue, ignoring: %s", e->pull.name,
                        db_error_text(d));
            db_rollback(d);
        }
    }
    arena_done(&e->texts);
    free(e);
}

void pull_book_save(struct health_store *s, const struct pull_row *pull,
                    const struct model_row *model)
{
    struct entry *e = calloc(1, sizeof(*e));

    if (!e)
        abort();
    arena_init(&e->texts, MAX_TEXTS);
    e->pull = *pull;
    e->pull.name = keep(e, pull->name);
    e->pull.provider = keep(e, pull->provider);
    e->pull.request = keep(e, pull->request);
    e->pull.error = keep(e, pull->error);
    if (model) {
        e->has_model = true;
        e->model = *model;
        e->model.name = keep(e, model->name);
        e->model.provider = keep(e, model->provider);
        e->model.source = keep(e, model->source);
        e->model.path = keep(e, model->path);
        e->model.sha256 = keep(e, model->sha256);
    }
    health_store_submit(s, &(struct health_store_job){.run = write_entry, .arg = e});
}

static const char *text_of(struct arena *a, struct db_statement *s, int column)
{
    const char *text = arena_printf(a, "%.*s", STR_ARG(db_text(s, column)));

    return text ? text : "";
}

static void load_pulls(struct db *d, pull_book_pull_fn fn, void *arg)
{
    CLEANUP(db_statement_free) struct db_statement *s = NULL;
    struct arena a;

    if (db_prepare(d,
                   "SELECT id, name, provider, request, state, error, bytes, total, at_ms"
                   " FROM pulls ORDER BY id",
                   &s) != DB_OK)
        return;
    arena_init(&a, MAX_TEXTS);
    while (db_step(s) == DB_ROW) {
        struct pull_row row = {
            .id = db_int(s, 0),
            .name = text_of(&a, s, 1),
            .provider = text_of(&a, s, 2),
            .request = text_of(&a, s, 3),
            .error = text_of(&a, s, 5),
            .bytes = (uint64_t)db_int(s, 6),
            .total = (uint64_t)db_int(s, 7),
            .at_ms = (uint64_t)db_int(s, 8),
        };
        if (pull_job_state_parse(db_text(s, 4), &row.state))
            fn(arg, &row);
        arena_clear(&a);
    }
    arena_done(&a);
}

static void load_models(struct db *d, pull_book_model_fn fn, void *arg)
{
    CLEANUP(db_statement_free) struct db_statement *s = NULL;
    struct arena a;

    if (db_prepare(d,
                   "SELECT name, provider, source, path, bytes, sha256, is_verified, at_ms"
                   " FROM models ORDER BY at_ms",
                   &s) != DB_OK)
        return;
    arena_init(&a, MAX_TEXTS);
    while (db_step(s) == DB_ROW) {
        struct model_row row = {
            .name = text_of(&a, s, 0),
            .provider = text_of(&a, s, 1),
            .source = text_of(&a, s, 2),
            .path = text_of(&a, s, 3),
            .bytes = (uint64_t)db_int(s, 4),
            .sha256 = text_of(&a, s, 5),
            .is_verified = db_int(s, 6) != 0,
            .at_ms = (uint64_t)db_int(s, 7),
        };
        fn(arg, &row);
        arena_clear(&a);
    }
    arena_done(&a);
}

void pull_book_load(struct health_store *s, pull_book_pull_fn on_pull, pull_book_model_fn on_model,
                    void *arg)
{
    struct db *d = health_store_db(s);

    if (!d)
        return;
    load_pulls(d, on_pull, arg);
    load_models(d, on_model, arg);
}
