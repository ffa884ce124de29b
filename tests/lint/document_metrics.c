/* Prints the generated part of docs/METRICS.md. */
#include "base/metrics.h"
#include "context_metrics.h"
#include "health_metrics.h"
#include "proxy_metrics.h"

#include <stdio.h>

static const struct metrics_family common_table[] = {
#define METRIC(kind, name, labels, buckets, help) {METRICS_##kind, #name, labels, buckets, help},
#include "io/common_metrics.def"
#undef METRIC
};

static void print_type(const struct metrics_family *f)
{
    size_t last = 0;

    if (f->kind != METRICS_HISTOGRAM) {
        printf("%s", f->kind == METRICS_COUNTER ? "counter" : "gauge");
        return;
    }
    while (f->buckets[last + 1] > 0)
        last++;
    printf("histogram, %zu buckets from %.9g to %.9g", last + 1, f->buckets[0], f->buckets[last]);
}

static void print_table(const char *title, const struct metrics_family *table, size_t n)
{
    printf("\n## %s\n\n| family | type | labels | meaning |\n| --- | --- | --- | --- |\n", title);
    for (size_t i = 0; i < n; i++) {
        printf("| `%s` | ", table[i].name);
        print_type(&table[i]);
        printf(" | %s | %s |\n", *table[i].labels ? table[i].labels : "–", table[i].help);
    }
}

int main(void)
{
    print_table("All three daemons", common_table, COMMON_METRICS_N);
    print_table("llm-proxy", proxy_metrics_table, PROXY_METRICS_N);
    print_table("context-service", context_metrics_table, CONTEXT_METRICS_N);
    print_table("health-worker", health_metrics_table, HEALTH_METRICS_N);
    printf("\n");
    return 0;
}
