/* metrics.h -- what does Prometheus read of this process?
 *
 * Families are rows of a .def table, the only place a metric is declared. Every thread writes to
 * its own shard (plain relaxed stores, no shared cache line), a scrape sums them. Series are made
 * on first use; each family has a ceiling on them, beyond which they fall into one series whose
 * labels are all "other". Formats: Prometheus text 0.0.4 and OpenMetrics 1.0.
 */
#pragma once

#include "base/buf.h"
#include "base/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define METRICS_MAX_LABELS 5
#define METRICS_MAX_SERIES 2000 /* of one family */

enum metrics_kind { METRICS_COUNTER, METRICS_GAUGE, METRICS_HISTOGRAM };
enum metrics_format { METRICS_TEXT, METRICS_OPENMETRICS };

/* One row: METRIC(kind, name, "label,label", buckets, "help"). `buckets` names a list below. */
struct metrics_family {
    enum metrics_kind kind;
    const char *name;
    const char *labels;    /* comma list, "" for none */
    const double *buckets; /* ascending, ended by 0; NULL unless a histogram */
    const char *help;
};

extern const double metrics_buckets_latency[]; /* .001 … 60 s */
extern const double metrics_buckets_request[]; /* .01 … 120 s */
extern const double metrics_buckets_fast[];    /* 1 us … 100 ms, 1 s */
extern const double metrics_buckets_bytes[];   /* 64 … 16 Mi */
extern const double metrics_buckets_long[];    /* .1 … 300 s */

struct metrics;       /* the registry; owned by main() */
struct metrics_shard; /* one thread's numbers; owned by the registry */

/* The texts of a table must outlive the registry. Families are numbered in the order given, from 0.
 * A table that would not pass a linter (no help, a counter without _total, …) aborts. */
struct metrics *metrics_new(void);
void metrics_free(struct metrics **m);
/* Returns the number of the first family added. Only before the first shard exists. */
unsigned metrics_add_families(struct metrics *m, const struct metrics_family *table, size_t n);
struct metrics_shard *metrics_add_shard(struct metrics *m);

/* A series of `family` with these label values (in the order of its labels; NULL reads as ""), to
 * be kept and used for ever, by this shard's thread. Cheap when known to this shard (a hash of the
 * values). A value is cut at 200 bytes, and what is no UTF-8 in it becomes '?'. */
struct metrics_series;
struct metrics_series *metrics_find(struct metrics_shard *s, unsigned family,
                                    const char *const *label_values);

/* Counters and gauges add; several shards' values are summed at scrape. A counter ignores what is
 * not above 0. */
void metrics_add(struct metrics_series *series, double amount);
/* A gauge that one thread owns, or a counter whose total is kept elsewhere. */
void metrics_set(struct metrics_series *series, double value);
/* A gauge, or a counter whose total is kept elsewhere, that is absent from now on (no reading is
 * not zero), until it is set again. */
void metrics_remove(struct metrics_series *series);
/* Histograms. */
void metrics_observe(struct metrics_series *series, double value);

/* find + add / set / observe, for what is not hot. Label values follow, as many as the family has.
 */
void metrics_count(struct metrics_shard *s, unsigned family, double amount, ...);
void metrics_gauge(struct metrics_shard *s, unsigned family, double value, ...);
void metrics_sample(struct metrics_shard *s, unsigned family, double value, ...);

/* Sum of one series over all shards, for tests, status pages and derived gauges; of a histogram the
 * number of observations. 0 when there is none. */
double metrics_value(struct metrics *m, unsigned family, const char *const *label_values);

/* The whole exposition, from any thread, without a lock: families in table order, series in order
 * of creation. A family without series still shows HELP and TYPE; a family without labels always
 * has its (zero) series. */
MUST_USE enum buf_result metrics_render(struct metrics *m, enum metrics_format format,
                                        struct buf *out);
