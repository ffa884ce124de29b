#include "io/log.h"

#include "base/clock.h"
#include "check.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int real_stderr, reader;

/* Everything logged from here on goes into a pipe of 64 KiB. */
static int set_up(void **state)
{
    int ends[2];

    (void)state;
    real_stderr = dup(STDERR_FILENO);
    if (pipe2(ends, O_CLOEXEC) < 0 || dup2(ends[1], STDERR_FILENO) < 0)
        return -1;
    close(ends[1]);
    reader = ends[0];
    unsetenv("JOURNAL_STREAM");
    log_init("tested", LOG_LEVEL_INFO, LOG_FORMAT_AUTO);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    close(reader);
    log_close();
    return 0;
}

static size_t read_some(char *text, size_t size)
{
    ssize_t n = read(reader, text, size - 1);

    assert_true(n > 0);
    text[n] = '\0';
    return (size_t)n;
}

static void entries_below_the_level_are_not_written(void **state)
{
    char text[4096];

    (void)state;
    uint64_t before = log_count(LOG_LEVEL_INFO);
    log_debug("%s", "hidden");
    log_info("seen %d", 7);
    CHECK_U64(log_count(LOG_LEVEL_INFO), before + 1);
    CHECK(!log_is_on(LOG_LEVEL_DEBUG));
    read_some(text, sizeof(text));
    assert_null(strstr(text, "hidden"));
    assert_non_null(
        strstr(text, "\"level\":\"info\",\"ident\":\"tested\",\"message\":\"seen 7\"}\n"));

    log_init("tested", LOG_LEVEL_DEBUG, LOG_FORMAT_JSON);
    log_debug("%s", "shown");
    read_some(text, sizeof(text));
    assert_non_null(strstr(text, "shown"));
}

static void a_reader_that_stops_costs_entries_and_not_time(void **state)
{
    static char text[70000];

    (void)state;
    usec_t start = clock_now();
    for (unsigned i = 0; i < 5000; i++)
        log_info("entry %u", i);
    CHECK(clock_now() - start < USEC_PER_SEC);
    CHECK(log_dropped() > 1000);

    unsigned long long lost = log_dropped();
    size_t n = read_some(text, sizeof(text));
    CHECK(text[n - 1] == '\n');
    log_info("again");
    read_some(text, sizeof(text));
    char expected[100];
    snprintf(expected, sizeof(expected), "\"%llu log entries were lost", lost);
    assert_non_null(strstr(text, expected));
}

static void *log_many(void *arg)
{
    const struct log_field fields[] = {{"LLM_WORKER", arg}, {NULL, NULL}};

    for (unsigned i = 0; i < 200; i++)
        log_write(LOG_LEVEL_INFO, fields, "number %u", i);
    return NULL;
}

static void lines_of_several_threads_stay_whole(void **state)
{
    pthread_t threads[2];
    char line[4096];
    unsigned n = 0;

    (void)state;
    FILE *in = fdopen(dup(reader), "r");
    assert_non_null(in);
    for (size_t i = 0; i < 2; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, log_many, i == 0 ? "a" : "b"), 0);
    while (n < 400 && fgets(line, sizeof(line), in)) {
        CHECK(strncmp(line, "{\"ts\":\"2", 8) == 0);
        size_t len = strlen(line);
        CHECK(strcmp(line + len - 3, "\"}\n") == 0);
        n++;
    }
    for (size_t i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    CHECK_U64(n, 400);
    fclose(in);
}

static void what_a_turn_logs_is_written_at_its_end(void **state)
{
    char text[4096];

    (void)state;
    uint64_t before = log_count(LOG_LEVEL_INFO);
    fcntl(reader, F_SETFL, O_NONBLOCK);
    log_hold();
    log_info("first");
    CHECK(read(reader, text, sizeof(text)) < 0);
    log_info("second");
    log_release();
    read_some(text, sizeof(text));
    const char *first = strstr(text, "\"first\"}\n{");
    assert_non_null(first);
    assert_non_null(strstr(first, "\"second\"}\n"));
    CHECK_U64(log_count(LOG_LEVEL_INFO), before + 2);
}

static void a_warning_waits_for_nothing_and_overtakes_nothing(void **state)
{
    char text[4096];

    (void)state;
    log_hold();
    log_info("first");
    log_warning("second");
    read_some(text, sizeof(text));
    const char *first = strstr(text, "\"first\"}\n");
    assert_non_null(first);
    if (!strstr(first, "second"))
        read_some(text, sizeof(text));
    assert_non_null(strstr(text, "second"));
    log_release();
}

static void a_turn_may_log_more_than_a_pipe_takes_at_once(void **state)
{
    static char text[70000];

    (void)state;
    log_hold();
    for (unsigned i = 0; i < 100; i++)
        log_info("entry %u of a turn that says much", i);
    log_release();
    read_some(text, sizeof(text));
    assert_non_null(strstr(text, "entry 0 of"));
    assert_non_null(strstr(text, "entry 99 of"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(entries_below_the_level_are_not_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reader_that_stops_costs_entries_and_not_time, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(lines_of_several_threads_stay_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_turn_logs_is_written_at_its_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_warning_waits_for_nothing_and_overtakes_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_turn_may_log_more_than_a_pipe_takes_at_once, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
