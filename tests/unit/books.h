/* books.h -- a ledger in a folder of its own, for the tests of what stands on it. */
#pragma once

#include "io/db.h"
#include "io/loop.h"
#include "ledger.h"
#include "ledger_entry.h"
#include "ledger_schema.h"

#include "check.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct books {
    char dir[64];
    struct loop *loop;
    struct ledger *ledger;
    char error[256];
};

static inline int books_make(struct books *b)
{
    strcpy(b->dir, "/tmp/test-books-XXXXXX");
    return mkdtemp(b->dir) && loop_new(&b->loop) == 0 ? 0 : -1;
}

static inline int books_remove_one(const char *path, const struct stat *st, int type,
                                   struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static inline int books_remove(struct books *b)
{
    loop_free(&b->loop);
    return nftw(b->dir, books_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline int books_open(struct books *b, unsigned n_spools, uint32_t spool_slots)
{
    struct ledger_config c = {
        .state_dir = b->dir, .n_spools = n_spools, .spool_slots = spool_slots};
    return ledger_open(&c, &b->ledger, b->error, sizeof(b->error));
}

static inline void books_start(struct books *b, unsigned n_spools)
{
    CHECK_INT(books_open(b, n_spools, 64), 0);
    CHECK_INT(ledger_start(b->ledger), 0);
}

struct books_barrier {
    struct ledger_task task;
    struct loop *loop;
};

static inline void books_nothing(struct ledger_task *t, struct db *db)
{
    (void)t;
    (void)db;
}

static inline void books_passed(struct ledger_task *t)
{
    loop_stop(((struct books_barrier *)t)->loop);
}

/* Returns when everything published before is committed: the thread commits after each task. */
static inline void books_sync(struct books *b)
{
    for (int i = 0; i < 2; i++) {
        struct books_barrier barrier = {
            .task = {.run = books_nothing, .done = books_passed, .loop = b->loop}, .loop = b->loop};
        ledger_submit(b->ledger, &barrier.task);
        loop_run(b->loop);
    }
}

/* The first column of the first row, as text; "-" for NULL, "" for no row. */
static inline const char *books_ask(struct books *b, const char *sql)
{
    static char text[128];
    char path[128];
    struct db *db = NULL;
    struct db_statement *s = NULL;
    snprintf(path, sizeof(path), "%s/ledger.db", b->dir);
    CHECK_INT(db_open(path, DB_READER, ledger_schema_migrations, ledger_schema_n_migrations, &db),
              DB_OK);
    CHECK_INT(db_prepare(db, sql, &s), DB_OK);
    text[0] = '\0';
    if (db_step(s) == DB_ROW)
        str_copy(text, sizeof(text), db_is_null(s, 0) ? STR("-") : db_text(s, 0));
    db_statement_free(&s);
    db_close(&db);
    return text;
}

static inline struct ledger_entry books_entry(const char *request_id)
{
    struct ledger_entry e;
    ledger_entry_init(&e);
    e.request_id = str_from(request_id);
    e.api = STR("chat.completions");
    e.model = STR("smart");
    e.key_id = STR("k_0123456789");
    e.started_at = UINT64_C(1790000000000000);
    e.status = LEDGER_PENDING;
    return e;
}
