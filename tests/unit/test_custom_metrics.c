/* The example of docs/METRICS.md, compiled and run. */
#include "base/clock.h"
#include "base/metrics.h"

#include "check.h"

#include <string.h>

static const struct metrics_family my_service_table[] = {
    {METRICS_COUNTER, "custom_operation_total", "service", NULL, "Custom operations"},
    {METRICS_HISTOGRAM, "operation_duration_seconds", "operation", metrics_buckets_latency,
     "Duration of operations"},
    {METRICS_GAUGE, "active_connections", "service", NULL, "Open connections"},
};
enum {
    METRIC_custom_operation_total,
    METRIC_operation_duration_seconds,
    METRIC_active_connections
};

static unsigned n_done;

static void my_operation(void)
{
    n_done++;
}

static void count_my_operation(struct metrics_shard *shard)
{
    /* A counter, by 1. */
    metrics_count(shard, METRIC_custom_operation_total, 1, "my_service");

    /* A histogram: how long something took. */
    usec_t begun = clock_now();
    my_operation();
    metrics_sample(shard, METRIC_operation_duration_seconds,
                   (double)(clock_now() - begun) / (double)USEC_PER_SEC, "my_op");

    /* A gauge, as it is now. */
    metrics_gauge(shard, METRIC_active_connections, 42, "my_service");
}

/* The same for a hot path: the series is looked up once, and then only added to. */
struct my_counters {
    struct metrics_series *operations;
};

static void my_counters_init(struct my_counters *c, struct metrics_shard *shard)
{
    const char *labels[] = {"my_service"};

    c->operations = metrics_find(shard, METRIC_custom_operation_total, labels);
}

static void count_a_hot_operation(struct my_counters *c)
{
    metrics_add(c->operations, 1);
}

static void test_the_examples_series_stand_on_the_page(void **state)
{
    struct metrics *m = metrics_new();
    struct my_counters counters;
    struct buf page;

    (void)state;
    metrics_add_families(m, my_service_table, 3);
    struct metrics_shard *shard = metrics_add_shard(m);
    my_counters_init(&counters, shard);
    count_my_operation(shard);
    count_a_hot_operation(&counters);

    buf_init(&page, 1 << 20);
    CHECK_INT(metrics_render(m, METRICS_TEXT, &page), BUF_OK);
    CHECK_INT(n_done, 1);
    assert_non_null(strstr(page.data, "custom_operation_total{service=\"my_service\"} 2\n"));
    assert_non_null(strstr(page.data, "operation_duration_seconds_count{operation=\"my_op\"} 1\n"));
    assert_non_null(strstr(page.data, "active_connections{service=\"my_service\"} 42\n"));
    buf_done(&page);
    metrics_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_examples_series_stand_on_the_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
