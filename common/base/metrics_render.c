#include "base/metrics.h"

#include "base/metrics_series.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define NUMBER_SIZE 32

struct writer {
    struct buf *out;
    bool is_full;
};

static void put(struct writer *w, struct str s)
{
    w->is_full |= buf_add_str(w->out, s) != BUF_OK;
}

static void put_integer(struct writer *w, uint64_t n)
{
    char digits[NUMBER_SIZE];
    size_t at = sizeof(digits);

    do
        digits[--at] = (char)('0' + n % 10);
    while (n /= 10);
    put(w, (struct str){digits + at, sizeof(digits) - at});
}

/* The shortest decimal of three that reads back as the same number. */
static struct str decimal(double value, char text[NUMBER_SIZE])
{
    int n = 0;

    for (int precision = 15; precision <= 17; precision++) {
        n = snprintf(text, NUMBER_SIZE, "%.*g", precision, value);
        if (strtod(text, NULL) == value)
            break;
    }
    return (struct str){text, (size_t)n};
}

static void put_number(struct writer *w, double value)
{
    char text[NUMBER_SIZE];

    if (value >= 0 && value < 9e15 && value == (double)(uint64_t)value)
        put_integer(w, (uint64_t)value);
    else if (isnan(value))
        put(w, STR("NaN"));
    else if (isinf(value))
        put(w, value > 0 ? STR("+Inf") : STR("-Inf"));
    else
        put(w, decimal(value, text));
}

/* `le` always looks like a float, in both formats, so that a rule finds it whichever was scraped.
 */
static void put_bound(struct writer *w, double bound)
{
    char text[NUMBER_SIZE];
    struct str s = decimal(bound, text);

    put(w, s);
    if (!memchr(s.data, '.', s.len) && !memchr(s.data, 'e', s.len))
        put(w, STR(".0"));
}

static void put_labels(struct writer *w, struct str labels)
{
    if (labels.len > 0) {
        put(w, STR("{"));
        put(w, labels);
        put(w, STR("}"));
    }
    put(w, STR(" "));
}

static void put_histogram(struct writer *w, const struct metrics_group *g,
                          struct metrics_labelled *l)
{
    struct str name = str_from(g->family.name), labels = buf_str(&l->labels);
    uint64_t total = 0;
    double sum;

    for (unsigned i = 0; i <= g->n_buckets; i++) {
        put(w, name);
        put(w, STR("_bucket{"));
        put(w, labels);
        put(w, labels.len > 0 ? STR(",le=\"") : STR("le=\""));
        if (i < g->n_buckets)
            put_bound(w, g->family.buckets[i]);
        else
            put(w, STR("+Inf"));
        put(w, STR("\"} "));
        put_integer(w, total += metrics_bucket(l, i));
        put(w, STR("\n"));
    }
    (void)metrics_sum(l, &sum);
    put(w, name);
    put(w, STR("_sum"));
    put_labels(w, labels);
    put_number(w, sum);
    put(w, STR("\n"));
    put(w, name);
    put(w, STR("_count"));
    put_labels(w, labels);
    put_integer(w, total);
    put(w, STR("\n"));
}

static void put_value(struct writer *w, const struct metrics_group *g, struct metrics_labelled *l)
{
    double value;

    if (!metrics_sum(l, &value))
        return;
    put(w, str_from(g->family.name));
    put_labels(w, buf_str(&l->labels));
    put_number(w, value);
    put(w, STR("\n"));
}

static void put_family(struct writer *w, const struct metrics_group *g, enum metrics_format format)
{
    static const char *const types[] = {" counter\n", " gauge\n", " histogram\n"};
    enum metrics_kind kind = g->family.kind;
    struct str name = str_from(g->family.name);

    if (format == METRICS_OPENMETRICS && kind == METRICS_COUNTER)
        name.len -= strlen("_total");
    put(w, STR("# HELP "));
    put(w, name);
    put(w, STR(" "));
    put(w, str_from(g->family.help));
    put(w, STR("\n# TYPE "));
    put(w, name);
    put(w, str_from(types[kind]));

    struct metrics_labelled *l = atomic_load_explicit(&g->first, memory_order_acquire);
    for (; l; l = atomic_load_explicit(&l->next, memory_order_acquire)) {
        if (kind == METRICS_HISTOGRAM)
            put_histogram(w, g, l);
        else
            put_value(w, g, l);
    }
}

enum buf_result metrics_render(struct metrics *m, enum metrics_format format, struct buf *out)
{
    struct writer w = {.out = out};

    for (unsigned i = 0; i < m->n_groups; i++)
        put_family(&w, &m->groups[i], format);
    if (format == METRICS_OPENMETRICS)
        put(&w, STR("# EOF\n"));
    return w.is_full ? BUF_FULL : BUF_OK;
}
