#include "history.h"

#include "folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOW_MS ((uint64_t)(clock_wall() / 1000))

struct fixture {
    char folder[64], path[96];
    struct loop *loop;
    struct health_store *store;
    struct history *history;
};

static void open_all(struct fixture *f)
{
    CHECK_INT(loop_new(&f->loop), 0);
    CHECK_INT(health_store_new(f->path, f->loop, &f->store), 0);
    f->history = history_new(f->store, f->loop);
}

static void close_all(struct fixture *f)
{
    history_free(&f->history);
    health_store_free(&f->store);
    loop_free(&f->loop);
}

static int set_up(void **state)
{
    static struct fixture f;

    if (!folder_make(f.folder, sizeof(f.folder)))
        return -1;
    snprintf(f.path, sizeof(f.path), "%s/health.db", f.folder);
    open_all(&f);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    close_all(f);
    return folder_remove(f->folder);
}

static int64_t count(struct fixture *f, const char *sql)
{
    CLEANUP(db_statement_free) struct db_statement *s = NULL;

    CHECK_INT(db_prepare(health_store_db(f->store), sql, &s), DB_OK);
    CHECK_INT(db_step(s), DB_ROW);
    return db_int(s, 0);
}

static void add_probes(struct fixture *f, unsigned n, uint64_t at_ms)
{
    struct history_recent recent = {.n_probes = 0};
    struct history_probe p = {.at_ms = at_ms, .result = VERDICT_TIMEOUT, .status = 0};

    for (unsigned i = 0; i < n; i++) {
        p.duration = i;
        history_add_probe(f->history, "p", &p, &recent);
    }
}

static void what_was_written_is_there_after_a_restart(void **state)
{
    struct fixture *f = *state;
    struct history_recent recent = {.n_probes = 0};
    struct history_change change = {NOW_MS, HEALTH_DEGRADED, HEALTH_DOWN, "timeout"};
    struct history_state down = {HEALTH_DOWN, VERDICT_TIMEOUT, 3, 7, NOW_MS, 5, NOW_MS}, again;

    add_probes(f, HISTORY_SHOWN + 5, NOW_MS);
    history_add_change(f->history, "p", &change, &recent);
    history_set_state(f->history, "p", &down);
    close_all(f);
    open_all(f);
    CHECK(history_load(f->history, "p", NOW_MS, &again, &recent));
    CHECK_INT(again.state, HEALTH_DOWN);
    CHECK_INT(again.reason, VERDICT_TIMEOUT);
    CHECK_U64(again.failures, 3);
    CHECK_U64(again.models, 7);
    CHECK_U64(recent.n_probes, HISTORY_SHOWN); /* the latest of them */
    CHECK_U64(recent.probe[HISTORY_SHOWN - 1].duration, HISTORY_SHOWN + 4);
    CHECK(!history_load(f->history, "another", NOW_MS, &again, &recent));
    CHECK(!history_load(f->history, "p", NOW_MS + HISTORY_FRESH_MS + 1000, &again, &recent));
}

static void a_batch_has_its_ceiling(void **state)
{
    struct fixture *f = *state;

    add_probes(f, HISTORY_MAX_PENDING + 100, NOW_MS);
    close_all(f);
    open_all(f);
    CHECK(count(f, "SELECT count(*) FROM probes") == HISTORY_MAX_PENDING);
}

static void old_rows_and_those_over_the_ceiling_make_room(void **state)
{
    struct fixture *f = *state;
    const int64_t last = HISTORY_MAX_PROBES + 3000;
    char sql[256];

    snprintf(sql, sizeof(sql),
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %lld)"
             " INSERT INTO probes SELECT i, 'p', %lld, 'ok', 200, 1 FROM n",
             (long long)last, (long long)NOW_MS);
    CHECK_INT(db_exec(health_store_db(f->store), "DELETE FROM probes"), DB_OK);
    CHECK_INT(db_exec(health_store_db(f->store), sql), DB_OK);
    add_probes(f, 1, NOW_MS);
    close_all(f);
    open_all(f);
    CHECK(count(f, "SELECT count(*) FROM probes") == HISTORY_MAX_PROBES);
    CHECK(count(f, "SELECT max(id) FROM probes") == last + 1);

    CHECK_INT(db_exec(health_store_db(f->store), "UPDATE probes SET at_ms = 1"), DB_OK);
    add_probes(f, 1, NOW_MS);
    close_all(f);
    open_all(f);
    CHECK(count(f, "SELECT count(*) FROM probes WHERE at_ms = 1") <= HISTORY_MAX_PROBES - 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_written_is_there_after_a_restart, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_batch_has_its_ceiling, set_up, tear_down),
        cmocka_unit_test_setup_teardown(old_rows_and_those_over_the_ceiling_make_room, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
