#include "base/metrics.h"

#include "base/metrics_series.h"
#include "base/utf8.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>

#define CACHE_LINE 64
#define MAX_VALUE  200 /* bytes of a label value; the rest is cut off */
#define MAX_LABELS 4096

const double metrics_buckets_latency[] = {.001, .0025, .005, .01, .025, .05, .1, .25,
                                          .5,   1,     2.5,  5,   10,   30,  60, 0};
const double metrics_buckets_request[] = {.01, .025, .05, .1, .25, .5, 1,   2.5,
                                          5,   10,   20,  30, 60,  90, 120, 0};
const double metrics_buckets_fast[] = {1e-6,   5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3,
                                       2.5e-3, 5e-3, .01,  .025,   .05,  .1,   1,      0};
const double metrics_buckets_bytes[] = {64,     256,     1024,    4096,     16384, 65536,
                                        262144, 1048576, 4194304, 16777216, 0};
const double metrics_buckets_long[] = {.1, .25, .5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 0};

struct metrics *metrics_new(void)
{
    struct metrics *m = calloc(1, sizeof(*m));

    if (!m)
        abort();
    pthread_mutex_init(&m->mutex, NULL);
    return m;
}

static void free_labelled(struct metrics_labelled *l)
{
    struct metrics_series *share = atomic_load(&l->shares);

    while (share) {
        struct metrics_series *next = share->next;
        free(share);
        share = next;
    }
    buf_done(&l->labels);
    free(l);
}

static void free_shard(struct metrics_shard *s)
{
    for (unsigned i = 0; i < s->registry->n_groups; i++)
        map_done(&s->known[i]);
    free(s);
}

void metrics_free(struct metrics **m)
{
    if (!*m)
        return;
    while ((*m)->shards) {
        struct metrics_shard *next = (*m)->shards->next;
        free_shard((*m)->shards);
        (*m)->shards = next;
    }
    for (unsigned i = 0; i < (*m)->n_groups; i++) {
        struct metrics_labelled *l = atomic_load(&(*m)->groups[i].first);
        while (l) {
            struct metrics_labelled *next = atomic_load(&l->next);
            free_labelled(l);
            l = next;
        }
        map_done(&(*m)->groups[i].by_labels);
    }
    pthread_mutex_destroy(&(*m)->mutex);
    free((*m)->groups);
    free(*m);
    *m = NULL;
}

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!(s.data[i] >= 'a' && s.data[i] <= 'z') && s.data[i] != '_' &&
            !(i > 0 && s.data[i] >= '0' && s.data[i] <= '9'))
            return false;
    return s.len > 0;
}

static void init_group(struct metrics_group *g, const struct metrics_family *f)
{
    struct str rest = str_from(f->labels);

    *g = (struct metrics_group){.family = *f};
    map_init(&g->by_labels);
    while (f->buckets && f->buckets[g->n_buckets] > 0)
        g->n_buckets++;
    while (*f->labels && g->n_labels < METRICS_MAX_LABELS &&
           str_cut(&rest, ',', &g->label_names[g->n_labels]))
        g->n_labels++;
}

/* False for what would make a scrape fail, or a linter complain. */
static bool is_sound(const struct metrics_group *g)
{
    const struct metrics_family *f = &g->family;
    size_t len = strlen(f->name), labels_len = 0;
    bool is_total = len > 6 && strcmp(f->name + len - 6, "_total") == 0;

    if (!is_name(str_from(f->name)) || is_total != (f->kind == METRICS_COUNTER))
        return false;
    if (!f->help || !*f->help || strpbrk(f->help, "\\\"\n"))
        return false;
    if ((g->n_buckets > 0) != (f->kind == METRICS_HISTOGRAM))
        return false;
    for (unsigned i = 1; i < g->n_buckets; i++)
        if (f->buckets[i] <= f->buckets[i - 1])
            return false;
    for (unsigned i = 0; i < g->n_labels; i++) {
        labels_len += g->label_names[i].len + (i > 0);
        if (!is_name(g->label_names[i]) || str_is(g->label_names[i], "le"))
            return false;
    }
    return labels_len == strlen(f->labels); /* else there are too many */
}

static bool has_family(const struct metrics *m, const char *name)
{
    for (unsigned i = 0; i < m->n_groups; i++)
        if (strcmp(m->groups[i].family.name, name) == 0)
            return true;
    return false;
}

/* Never full: MAX_LABELS holds all values with every byte escaped. */
static void append(struct buf *out, struct str s)
{
    if (buf_add_str(out, s) != BUF_OK)
        abort();
}

static struct metrics_labelled *add_labelled(struct metrics_group *g, struct str labels)
{
    struct metrics_labelled *l = calloc(1, sizeof(*l));

    if (!l)
        abort();
    buf_init(&l->labels, MAX_LABELS);
    append(&l->labels, labels);
    map_add(&g->by_labels, labels, l);
    if (g->last)
        atomic_store_explicit(&g->last->next, l, memory_order_release);
    else
        atomic_store_explicit(&g->first, l, memory_order_release);
    g->last = l;
    return l;
}

unsigned metrics_add_families(struct metrics *m, const struct metrics_family *table, size_t n)
{
    unsigned first = m->n_groups;

    assert(!m->shards);
    m->groups = reallocarray(m->groups, first + n, sizeof(*m->groups));
    if (!m->groups)
        abort();
    for (size_t i = 0; i < n; i++) {
        struct metrics_group *g = &m->groups[m->n_groups];
        init_group(g, &table[i]);
        if (!is_sound(g) || has_family(m, table[i].name))
            abort();
        m->n_groups++;
        if (g->n_labels == 0)
            add_labelled(g, STR_EMPTY);
    }
    return first;
}

struct metrics_shard *metrics_add_shard(struct metrics *m)
{
    struct metrics_shard *s = calloc(1, sizeof(*s) + m->n_groups * sizeof(s->known[0]));

    if (!s)
        abort();
    s->registry = m;
    pthread_mutex_lock(&m->mutex);
    s->next = m->shards;
    m->shards = s;
    pthread_mutex_unlock(&m->mutex);
    return s;
}

/* Append as exposed: quotes, backslashes and line ends escaped, ill-formed bytes as '?', cut at
 * MAX_VALUE. Returns false if it is no longer the same value. */
static bool append_value(struct buf *out, struct str value)
{
    size_t len = utf8_prefix(value.data, value.len, MAX_VALUE);
    bool is_same = len == value.len;

    for (size_t i = 0, step; i < len; i += step) {
        const char *at = value.data + i;
        step = utf8_step(at, len - i);
        if (step == 0) {
            step = 1;
            is_same = false;
            append(out, STR("?"));
        } else if (*at == '\n') {
            append(out, STR("\\n"));
        } else {
            if (*at == '"' || *at == '\\')
                append(out, STR("\\"));
            append(out, (struct str){at, step});
        }
    }
    return is_same;
}

/* Returns false if a value had to be altered. */
static bool expose_labels(const struct metrics_group *g, const char *const *values, struct buf *out)
{
    bool is_same = true;

    buf_clear(out);
    for (unsigned i = 0; i < g->n_labels; i++) {
        append(out, i > 0 ? STR(",") : STR_EMPTY);
        append(out, g->label_names[i]);
        append(out, STR("=\""));
        is_same &= append_value(out, str_from(values[i]));
        append(out, STR("\""));
    }
    return is_same;
}

static struct metrics_series *share_of(struct metrics_shard *s, const struct metrics_group *g,
                                       struct metrics_labelled *l)
{
    struct metrics_series *newest = atomic_load_explicit(&l->shares, memory_order_relaxed);

    for (struct metrics_series *share = newest; share; share = share->next)
        if (share->shard == s)
            return share;

    /* Whole cache lines, so that no two threads write to one. */
    size_t size = sizeof(*newest);
    if (g->family.kind == METRICS_HISTOGRAM)
        size += (g->n_buckets + 1) * sizeof(newest->counts[0]);
    size = (size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    struct metrics_series *share = aligned_alloc(CACHE_LINE, size);
    if (!share)
        abort();
    memset(share, 0, size);
    share->shard = s;
    share->next = newest;
    share->kind = g->family.kind;
    share->n_buckets = g->n_buckets;
    share->buckets = g->family.buckets;
    atomic_store_explicit(&l->shares, share, memory_order_release);
    return share;
}

/* *ret_is_as_given: the series has just these values, none altered, and is not "other" instead. */
static struct metrics_series *make_series(struct metrics_shard *s, struct metrics_group *g,
                                          const char *const *values, bool *ret_is_as_given)
{
    static const char *const other[METRICS_MAX_LABELS] = {"other", "other", "other", "other",
                                                          "other"};
    struct buf labels;

    buf_init(&labels, MAX_LABELS);
    *ret_is_as_given = expose_labels(g, values, &labels);
    struct metrics_labelled *l = map_find(&g->by_labels, buf_str(&labels));
    if (!l && g->by_labels.n >= METRICS_MAX_SERIES) {
        *ret_is_as_given = false;
        expose_labels(g, other, &labels);
        l = map_find(&g->by_labels, buf_str(&labels));
    }
    if (!l)
        l = add_labelled(g, buf_str(&labels));
    buf_done(&labels);
    return share_of(s, g, l);
}

/* Label values as a key of known series. */
struct known_key {
    size_t len;
    uint64_t hash;
    char text[METRICS_MAX_LABELS * sizeof(char[MAX_VALUE + 1]) + sizeof(uint64_t)];
};

/* A cheap hash is enough: only so many series are ever known. The text has zeros after its end. */
static uint64_t hash_words(const char *text, size_t len)
{
    __extension__ typedef unsigned __int128 wide;
    uint64_t hash = 0, word;

    for (size_t at = 0; at < len; at += sizeof(word)) {
        memcpy(&word, text + at, sizeof(word));
        wide product = (wide)(hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash = (uint64_t)product ^ (uint64_t)(product >> 64);
    }
    return hash;
}

/* The values, each ended by NUL; false when one is too long. */
static bool make_key(const struct metrics_group *g, const char *const *values,
                     struct known_key *ret_key)
{
    size_t at = 0;

    for (unsigned i = 0; i < g->n_labels; i++) {
        const char *value = values[i] ? values[i] : "";
        size_t len = strlen(value);
        if (len > MAX_VALUE)
            return false;
        memcpy(ret_key->text + at, value, len + 1);
        at += len + 1;
    }
    memset(ret_key->text + at, 0, sizeof(uint64_t));
    ret_key->len = at;
    ret_key->hash = hash_words(ret_key->text, at);
    return true;
}

struct metrics_series *metrics_find(struct metrics_shard *s, unsigned family,
                                    const char *const *label_values)
{
    struct metrics *m = s->registry;
    struct map *known = &s->known[family];
    struct metrics_series *series;
    struct known_key k;
    bool is_as_given;

    assert(family < m->n_groups);
    struct metrics_group *g = &m->groups[family];
    bool has_key = make_key(g, label_values, &k);
    struct str key = {k.text, has_key ? k.len : 0};
    if (has_key && (series = map_find_hashed(known, key, k.hash)))
        return series;

    pthread_mutex_lock(&m->mutex);
    series = make_series(s, g, label_values, &is_as_given);
    pthread_mutex_unlock(&m->mutex);
    /* What was altered, or is over the ceiling, is looked up again each time: a peer must not be
     * able to grow what is remembered. */
    if (has_key && is_as_given)
        map_add_hashed(known, key, k.hash, series);
    return series;
}

static void store(struct metrics_series *series, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    atomic_store_explicit(&series->bits, bits, memory_order_relaxed);
}

/* One thread writes, so a load and a store are enough. */
static void add(struct metrics_series *series, double amount)
{
    uint64_t bits = atomic_load_explicit(&series->bits, memory_order_relaxed);

    store(series, (bits == METRICS_ABSENT ? 0 : metrics_double(bits)) + amount);
}

void metrics_add(struct metrics_series *series, double amount)
{
    assert(series->kind != METRICS_HISTOGRAM);
    if (series->kind == METRICS_GAUGE || amount > 0)
        add(series, amount);
}

void metrics_set(struct metrics_series *series, double value)
{
    assert(series->kind != METRICS_HISTOGRAM);
    store(series, value);
}

void metrics_remove(struct metrics_series *series)
{
    assert(series->kind != METRICS_HISTOGRAM);
    atomic_store_explicit(&series->bits, METRICS_ABSENT, memory_order_relaxed);
}

void metrics_observe(struct metrics_series *series, double value)
{
    unsigned i = 0;

    assert(series->kind == METRICS_HISTOGRAM);
    while (i < series->n_buckets && value > series->buckets[i])
        i++;
    uint64_t n = atomic_load_explicit(&series->counts[i], memory_order_relaxed);
    atomic_store_explicit(&series->counts[i], n + 1, memory_order_relaxed);
    add(series, value);
}

/* The series that the values at the end of a variable argument list name. */
static struct metrics_series *find_listed(struct metrics_shard *s, unsigned family, va_list *values)
{
    const char *list[METRICS_MAX_LABELS];

    assert(family < s->registry->n_groups);
    for (unsigned i = 0; i < s->registry->groups[family].n_labels; i++)
        list[i] = va_arg(*values, const char *);
    return metrics_find(s, family, list);
}

void metrics_count(struct metrics_shard *s, unsigned family, double amount, ...)
{
    va_list values;

    va_start(values, amount);
    metrics_add(find_listed(s, family, &values), amount);
    va_end(values);
}

void metrics_gauge(struct metrics_shard *s, unsigned family, double value, ...)
{
    va_list values;

    va_start(values, value);
    metrics_set(find_listed(s, family, &values), value);
    va_end(values);
}

void metrics_sample(struct metrics_shard *s, unsigned family, double value, ...)
{
    va_list values;

    va_start(values, value);
    metrics_observe(find_listed(s, family, &values), value);
    va_end(values);
}

double metrics_value(struct metrics *m, unsigned family, const char *const *label_values)
{
    struct buf labels;
    double value = 0;

    assert(family < m->n_groups);
    struct metrics_group *g = &m->groups[family];
    buf_init(&labels, MAX_LABELS);
    pthread_mutex_lock(&m->mutex);
    expose_labels(g, label_values, &labels);
    struct metrics_labelled *l = map_find(&g->by_labels, buf_str(&labels));
    pthread_mutex_unlock(&m->mutex);
    buf_done(&labels);

    if (l && g->family.kind == METRICS_HISTOGRAM)
        for (unsigned i = 0; i <= g->n_buckets; i++)
            value += (double)metrics_bucket(l, i);
    else if (l && !metrics_sum(l, &value))
        return 0;
    return value;
}
