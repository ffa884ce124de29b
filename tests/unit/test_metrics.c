#include "base/metrics.h"

#include "base/metrics_series.h"

#include "check.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REQUESTS, IN_FLIGHT, TEMPERATURE, SECONDS, PLAIN };

static const double buckets[] = {.25, 1, 10, 0};

static const struct metrics_family table[] = {
    {METRICS_COUNTER, "requests_total", "model,status", NULL, "Requests"},
    {METRICS_GAUGE, "in_flight", "", NULL, "Requests in flight"},
    {METRICS_GAUGE, "temperature_celsius", "gpu", NULL, "Temperature"},
    {METRICS_HISTOGRAM, "duration_seconds", "op", buckets, "Duration"},
    {METRICS_COUNTER, "plain_total", "", NULL, "Without labels"},
};

static struct metrics *m;
static struct metrics_shard *one, *two;

static int make(void **state)
{
    (void)state;
    m = metrics_new();
    if (metrics_add_families(m, table, sizeof(table) / sizeof(*table)) != 0)
        return -1;
    one = metrics_add_shard(m);
    two = metrics_add_shard(m);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    metrics_free(&m);
    return m ? -1 : 0;
}

static char *render(enum metrics_format format)
{
    struct buf out;

    buf_init(&out, 64 << 20);
    CHECK_INT(metrics_render(m, format, &out), BUF_OK);
    return out.data;
}

static void check_line(const char *text, const char *line, bool is_there)
{
    char whole[600];

    snprintf(whole, sizeof(whole), "\n%s\n", line);
    if ((strstr(text, whole) != NULL) != is_there)
        fail_msg("%s: %s in\n%s", is_there ? "missing" : "unexpected", line, text);
}

static void check_has(const char *line)
{
    char *text = render(METRICS_TEXT);

    check_line(text, line, true);
    free(text);
}

static void check_lacks(const char *line)
{
    char *text = render(METRICS_TEXT);

    check_line(text, line, false);
    free(text);
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Every sample's name and labels, sorted, differ from the next. */
static void check_unique(void)
{
    char *text = render(METRICS_TEXT), *rest = text, *line;
    char **lines = calloc(100000, sizeof(*lines));
    size_t n = 0;

    while ((line = strsep(&rest, "\n"))) {
        char *space = strrchr(line, ' ');
        if (*line == '\0' || *line == '#')
            continue;
        CHECK(space && n < 100000);
        *space = '\0';
        lines[n++] = line;
    }
    qsort(lines, n, sizeof(*lines), compare_lines);
    for (size_t i = 1; i < n; i++)
        CHECK(strcmp(lines[i - 1], lines[i]) != 0);
    free(lines);
    free(text);
}

static void the_text_format_is_complete_from_the_start(void **state)
{
    char *text = render(METRICS_TEXT);

    (void)state;
    CHECK_TEXT(text, "# HELP requests_total Requests\n"
                     "# TYPE requests_total counter\n"
                     "# HELP in_flight Requests in flight\n"
                     "# TYPE in_flight gauge\n"
                     "in_flight 0\n"
                     "# HELP temperature_celsius Temperature\n"
                     "# TYPE temperature_celsius gauge\n"
                     "# HELP duration_seconds Duration\n"
                     "# TYPE duration_seconds histogram\n"
                     "# HELP plain_total Without labels\n"
                     "# TYPE plain_total counter\n"
                     "plain_total 0\n");
    free(text);
}

static void openmetrics_names_counter_families_without_total_and_ends_in_eof(void **state)
{
    (void)state;
    metrics_count(one, PLAIN, 2.5);
    char *text = render(METRICS_OPENMETRICS);
    CHECK(strstr(text, "# HELP plain Without labels\n# TYPE plain counter\nplain_total 2.5\n"));
    CHECK(strstr(text, "# TYPE temperature_celsius gauge\n"));
    CHECK(strcmp(text + strlen(text) - 6, "# EOF\n") == 0);
    free(text);
}

static void shards_with_equal_labels_are_one_series(void **state)
{
    (void)state;
    metrics_count(one, REQUESTS, 1, "a", "ok");
    metrics_count(two, REQUESTS, 2, "a", "ok");
    metrics_count(two, REQUESTS, 4, "a", "error");
    metrics_count(one, PLAIN, 1);
    metrics_count(two, PLAIN, 1);
    check_has("requests_total{model=\"a\",status=\"ok\"} 3");
    check_has("requests_total{model=\"a\",status=\"error\"} 4");
    check_has("plain_total 2");
    check_unique();
    CHECK(metrics_value(m, REQUESTS, (const char *[]){"a", "ok"}) == 3);
    CHECK(metrics_value(m, REQUESTS, (const char *[]){"b", "ok"}) == 0);
    CHECK(metrics_value(m, PLAIN, NULL) == 2);
}

static void a_series_once_found_is_the_same_for_ever(void **state)
{
    const char *values[] = {"a", "ok"}, *same[] = {"a", "ok"}, *shifted[] = {"ao", "k"};
    struct metrics_series *series = metrics_find(one, REQUESTS, values);

    (void)state;
    CHECK(metrics_find(one, REQUESTS, same) == series);
    CHECK(metrics_find(one, REQUESTS, shifted) != series);
    CHECK(metrics_find(two, REQUESTS, values) != series);
    CHECK(metrics_find(one, REQUESTS, (const char *[]){"a", NULL}) ==
          metrics_find(one, REQUESTS, (const char *[]){"a", ""}));
    check_has("requests_total{model=\"a\",status=\"\"} 0");
}

static void series_come_in_the_order_of_their_creation(void **state)
{
    static const char *const order[] = {"z", "a", "m"};

    (void)state;
    for (int i = 0; i < 3; i++)
        metrics_count(i % 2 ? one : two, REQUESTS, 1, order[i], "ok");
    char *text = render(METRICS_TEXT);
    CHECK(strstr(text, "requests_total{model=\"z\",status=\"ok\"} 1\n"
                       "requests_total{model=\"a\",status=\"ok\"} 1\n"
                       "requests_total{model=\"m\",status=\"ok\"} 1\n# "));
    free(text);
}

static void a_counter_never_goes_down(void **state)
{
    (void)state;
    metrics_count(one, PLAIN, 3);
    metrics_count(one, PLAIN, -1);
    metrics_count(one, PLAIN, NAN);
    check_has("plain_total 3");
}

static void a_gauge_goes_both_ways_and_its_shards_are_summed(void **state)
{
    struct metrics_series *a = metrics_find(one, IN_FLIGHT, NULL);
    struct metrics_series *b = metrics_find(two, IN_FLIGHT, NULL);

    (void)state;
    metrics_add(a, 5);
    metrics_add(b, 1);
    metrics_add(a, -3);
    check_has("in_flight 3");
    metrics_add(a, -2);
    metrics_add(b, -1.5);
    check_has("in_flight -0.5");
}

static void a_removed_gauge_is_absent_until_it_is_set_again(void **state)
{
    struct metrics_series *t = metrics_find(one, TEMPERATURE, (const char *[]){"0"});

    (void)state;
    metrics_set(t, 61.5);
    check_has("temperature_celsius{gpu=\"0\"} 61.5");
    metrics_remove(t);
    check_lacks("temperature_celsius{gpu=\"0\"} 61.5");
    check_lacks("temperature_celsius{gpu=\"0\"} 0");
    check_lacks("temperature_celsius{gpu=\"0\"} NaN");
    metrics_set(t, 0);
    check_has("temperature_celsius{gpu=\"0\"} 0");
    metrics_remove(t);
    metrics_add(t, 2);
    check_has("temperature_celsius{gpu=\"0\"} 2");
    metrics_remove(metrics_find(one, IN_FLIGHT, NULL));
    check_lacks("in_flight 0");
}

static void a_counter_kept_elsewhere_can_be_absent_too(void **state)
{
    struct metrics_series *c = metrics_find(one, REQUESTS, (const char *[]){"m", "ok"});

    (void)state;
    metrics_set(c, 5000.5);
    check_has("requests_total{model=\"m\",status=\"ok\"} 5000.5");
    metrics_remove(c);
    check_lacks("requests_total{");
    metrics_set(c, 5001);
    check_has("requests_total{model=\"m\",status=\"ok\"} 5001");
}

static void a_histogram_counts_up_to_and_including_its_bounds(void **state)
{
    static const double values[] = {.1, .25, .26, 1, 1.5, 10, 11, 1e9};

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
        metrics_sample(i % 2 ? one : two, SECONDS, values[i], "read");
    char *text = render(METRICS_TEXT);
    CHECK(strstr(text, "# TYPE duration_seconds histogram\n"
                       "duration_seconds_bucket{op=\"read\",le=\"0.25\"} 2\n"
                       "duration_seconds_bucket{op=\"read\",le=\"1.0\"} 4\n"
                       "duration_seconds_bucket{op=\"read\",le=\"10.0\"} 6\n"
                       "duration_seconds_bucket{op=\"read\",le=\"+Inf\"} 8\n"
                       "duration_seconds_sum{op=\"read\"} 1000000024.11\n"
                       "duration_seconds_count{op=\"read\"} 8\n"));
    free(text);
    CHECK(metrics_value(m, SECONDS, (const char *[]){"read"}) == 8);
}

static void numbers_are_written_so_that_they_read_back_equal(void **state)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "0"},
        {1, "1"},
        {-1, "-1"},
        {.1, "0.1"},
        {1. / 3, "0.3333333333333333"},
        {1e15, "1000000000000000"},
        {1e300, "1e+300"},
        {1.8446744073709552e+19, "1.8446744073709552e+19"},
        {INFINITY, "+Inf"},
        {-INFINITY, "-Inf"},
        {NAN, "NaN"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char line[100];
        metrics_gauge(one, IN_FLIGHT, cases[i].value);
        snprintf(line, sizeof(line), "in_flight %s", cases[i].text);
        check_has(line);
    }
}

static void label_values_are_escaped(void **state)
{
    (void)state;
    metrics_count(one, REQUESTS, 1, "quote\" slash\\ line\nend", "ünïcode");
    check_has("requests_total{model=\"quote\\\" slash\\\\ line\\nend\",status=\"ünïcode\"} 1");
}

static void ill_formed_and_overlong_values_are_altered_and_merge(void **state)
{
    char overlong[301], line[300];

    (void)state;
    metrics_count(one, REQUESTS, 1, "a\xff\xc3", "x");
    metrics_count(one, REQUESTS, 1, "a\xfe\xc3", "x");
    metrics_count(two, REQUESTS, 1, "a??", "x");
    check_has("requests_total{model=\"a??\",status=\"x\"} 3");

    memset(overlong, 'y', 300);
    overlong[300] = '\0';
    metrics_count(one, REQUESTS, 1, overlong, "x");
    overlong[250] = '\0';
    metrics_count(one, REQUESTS, 1, overlong, "x");
    snprintf(line, sizeof(line), "requests_total{model=\"%.200s\",status=\"x\"} 2", overlong);
    check_has(line);
    check_unique();
}

static void series_beyond_the_ceiling_fall_into_other(void **state)
{
    char name[20];

    (void)state;
    metrics_count(one, REQUESTS, 1, "first", "ok");
    for (int i = 0; i < 3 * METRICS_MAX_SERIES; i++) {
        snprintf(name, sizeof(name), "model-%d", i);
        metrics_count(i % 2 ? one : two, REQUESTS, 1, name, "ok");
    }
    metrics_count(two, REQUESTS, 1, "first", "ok");
    check_has("requests_total{model=\"first\",status=\"ok\"} 2");
    check_has("requests_total{model=\"model-1998\",status=\"ok\"} 1");
    check_lacks("requests_total{model=\"model-1999\",status=\"ok\"} 1");
    check_has("requests_total{model=\"other\",status=\"other\"} 4001");
    CHECK(one->known[REQUESTS].n + two->known[REQUESTS].n <= METRICS_MAX_SERIES + 1);
    check_unique();
    metrics_sample(one, SECONDS, 1, "another family is not full");
    CHECK(metrics_value(m, SECONDS, (const char *[]){"another family is not full"}) == 1);
}

static void a_page_over_the_buffer_is_refused(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 100);
    CHECK_INT(metrics_render(m, METRICS_TEXT, &out), BUF_FULL);
    buf_done(&out);
}

static bool is_accepted(const struct metrics_family *f)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        struct metrics *mine = metrics_new();
        signal(SIGABRT, SIG_DFL);
        metrics_add_families(mine, f, 1);
        metrics_free(&mine);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void a_table_that_a_linter_would_not_pass_does_not_start(void **state)
{
    static const double descending[] = {2, 1, 0}, empty[] = {0};
    static const struct metrics_family good[] = {
        {METRICS_COUNTER, "x_total", "a,b,c,d,e", NULL, "Help"},
        {METRICS_HISTOGRAM, "x_seconds", "", buckets, "Help"},
    };
    static const struct metrics_family bad[] = {
        {METRICS_COUNTER, "x_total", "", NULL, ""},
        {METRICS_COUNTER, "x_total", "", NULL, NULL},
        {METRICS_COUNTER, "x_total", "", NULL, "two\nlines"},
        {METRICS_COUNTER, "x", "", NULL, "Help"},
        {METRICS_COUNTER, "_total", "", NULL, "Help"},
        {METRICS_GAUGE, "x_total", "", NULL, "Help"},
        {METRICS_GAUGE, "xY", "", NULL, "Help"},
        {METRICS_GAUGE, "", "", NULL, "Help"},
        {METRICS_GAUGE, "9x", "", NULL, "Help"},
        {METRICS_GAUGE, "x", "a,,b", NULL, "Help"},
        {METRICS_GAUGE, "x", "a,", NULL, "Help"},
        {METRICS_GAUGE, "x", "a b", NULL, "Help"},
        {METRICS_GAUGE, "x", "a,b,c,d,e,f", NULL, "Help"},
        {METRICS_GAUGE, "x", "", buckets, "Help"},
        {METRICS_GAUGE, "requests_total", "", NULL, "Help"},
        {METRICS_HISTOGRAM, "x_seconds", "", NULL, "Help"},
        {METRICS_HISTOGRAM, "x_seconds", "", empty, "Help"},
        {METRICS_HISTOGRAM, "x_seconds", "", descending, "Help"},
        {METRICS_HISTOGRAM, "x_seconds", "le", buckets, "Help"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        CHECK(is_accepted(&good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (is_accepted(&bad[i]))
            fail_msg("accepted: row %zu, %s", i, bad[i].name);
}

enum { WRITERS = 3, ROUNDS = 20000 };

static atomic_int writing;

static void *write_much(void *arg)
{
    struct metrics_shard *shard = arg;
    char name[20];

    for (int i = 0; i < ROUNDS; i++) {
        snprintf(name, sizeof(name), "model-%d", i % 50);
        metrics_count(shard, REQUESTS, 1, name, "ok");
        metrics_sample(shard, SECONDS, i % 20, name);
        metrics_gauge(shard, TEMPERATURE, i, name);
    }
    writing--;
    return NULL;
}

static void a_scrape_may_run_while_threads_write(void **state)
{
    pthread_t threads[WRITERS];
    double before = 0, now = 0;
    bool is_last;

    (void)state;
    writing = WRITERS;
    for (int i = 0; i < WRITERS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, write_much, metrics_add_shard(m)), 0);
    do {
        is_last = writing == 0;
        check_unique();
        now = metrics_value(m, REQUESTS, (const char *[]){"model-7", "ok"});
        CHECK(now >= before);
        before = now;
    } while (!is_last);
    for (int i = 0; i < WRITERS; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    CHECK_U64((uint64_t)now, WRITERS * ROUNDS / 50);
    check_has("duration_seconds_count{op=\"model-7\"} 1200");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_text_format_is_complete_from_the_start),
        TEST(openmetrics_names_counter_families_without_total_and_ends_in_eof),
        TEST(shards_with_equal_labels_are_one_series),
        TEST(a_series_once_found_is_the_same_for_ever),
        TEST(series_come_in_the_order_of_their_creation),
        TEST(a_counter_never_goes_down),
        TEST(a_gauge_goes_both_ways_and_its_shards_are_summed),
        TEST(a_removed_gauge_is_absent_until_it_is_set_again),
        TEST(a_counter_kept_elsewhere_can_be_absent_too),
        TEST(a_histogram_counts_up_to_and_including_its_bounds),
        TEST(numbers_are_written_so_that_they_read_back_equal),
        TEST(label_values_are_escaped),
        TEST(ill_formed_and_overlong_values_are_altered_and_merge),
        TEST(series_beyond_the_ceiling_fall_into_other),
        TEST(a_page_over_the_buffer_is_refused),
        TEST(a_table_that_a_linter_would_not_pass_does_not_start),
        TEST(a_scrape_may_run_while_threads_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
