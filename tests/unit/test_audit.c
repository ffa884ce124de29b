#include "audit.h"

#include "io/trail_key.h"
#include "io/trail_verify.h"

#include "folder.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define THREADS 4
#define EACH    1000

static char dir[64];
static struct audit *audit;

static int make(void **state)
{
    (void)state;
    return folder_make(dir, sizeof(dir)) ? 0 : -1;
}

static int clear(void **state)
{
    (void)state;
    audit_stop(&audit);
    return folder_remove(dir);
}

static int start(const char *logs_dir, char *error, size_t size)
{
    const struct audit_config c = {
        .logs_dir = logs_dir, .state_dir = dir, .compress_days = 30, .retention_days = 90};
    return audit_start(&c, &audit, error, size);
}

static void start_well(void)
{
    char error[256] = "";
    CHECK_INT(start(dir, error, sizeof(error)), 0);
}

static void check_whole(uint64_t n_records)
{
    char folder[96], head[96], key_path[96], error[256];
    uint8_t key[CHAIN_KEY_SIZE];
    struct trail_verify_report report;
    snprintf(folder, sizeof(folder), "%s/audit", dir);
    snprintf(head, sizeof(head), "%s/audit.head", dir);
    snprintf(key_path, sizeof(key_path), "%s/audit.key", dir);
    CHECK_INT(trail_key_load(key_path, key, error, sizeof(error)), 0);
    const struct trail_verify_config c = {.folder = folder, .head_path = head, .key = key};
    CHECK_INT(trail_verify_all(&c, &report), TRAIL_VERIFY_OK);
    CHECK_U64(report.n_records, n_records);
}

static void *write_many(void *arg)
{
    (void)arg;
    for (int i = 0; i < EACH; i++) {
        if (i % 100 == 0)
            audit_write_critical(audit, "test.critical", STR("{\"n\":1}"));
        else
            audit_write(audit, "test.event", STR("{\"n\":1}"));
    }
    return NULL;
}

static void test_what_many_threads_write_is_one_chain(void **state)
{
    (void)state;
    for (unsigned run = 1; run <= 3; run++) {
        pthread_t threads[THREADS];
        start_well();
        for (int i = 0; i < THREADS; i++)
            CHECK_INT(pthread_create(&threads[i], NULL, write_many, NULL), 0);
        audit_prune(audit);
        audit_set_days(audit, 10, 20);
        for (int i = 0; i < THREADS; i++)
            CHECK_INT(pthread_join(threads[i], NULL), 0);
        audit_stop(&audit);
        check_whole((uint64_t)run * THREADS * EACH);
    }
}

static void test_a_repeated_event_is_one_record_at_first(void **state)
{
    (void)state;
    start_well();
    for (int i = 0; i < 1000; i++)
        audit_repeat(audit, "auth.failed", STR("{\"peer\":\"192.0.2.1\"}"));
    audit_stop(&audit);
    check_whole(1);
}

static void test_without_a_trail_nothing_is_written(void **state)
{
    (void)state;
    audit_write(NULL, "test.event", STR("{}"));
    audit_write_critical(NULL, "test.event", STR("{}"));
    audit_repeat(NULL, "test.event", STR("{}"));
    audit_prune(NULL);
    audit_set_days(NULL, 1, 1);
}

static void test_a_trail_that_cannot_be_opened_says_where(void **state)
{
    (void)state;
    char error[256] = "";
    CHECK(start("/nowhere", error, sizeof(error)) < 0);
    CHECK_TEXT(error, "the audit trail in /nowhere/audit: No such file or directory");
    struct audit *first = NULL;
    start_well();
    first = audit;
    CHECK(start(dir, error, sizeof(error)) < 0);
    CHECK(strstr(error, "another process writes to it") != NULL);
    audit = first;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make, clear)
    const struct CMUnitTest tests[] = {
        TEST(test_what_many_threads_write_is_one_chain),
        TEST(test_a_repeated_event_is_one_record_at_first),
        TEST(test_without_a_trail_nothing_is_written),
        TEST(test_a_trail_that_cannot_be_opened_says_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
