#include "base/zone.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define DAY         INT64_C(86400)
#define HEADER_SIZE 44
#define MAX_NAME    64
#define MAX_TIMES   4096
#define WEEK        7

/* The n-th (5: last) weekday of a month at a local time: "M3.5.0/2". */
struct turn {
    int64_t month, week, weekday, time;
};

struct zone {
    char name[MAX_NAME];
    size_t n;
    int64_t *at;     /* ascending */
    int32_t *offset; /* from at[i] on */
    int32_t first;   /* before at[0] */
    bool has_rule;   /* for what comes after the last of them */
    bool has_summer;
    int64_t standard, summer;
    struct turn begin, end; /* of summer time */
};

/* ---- the calendar ---- */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

struct date {
    int64_t year, month, day; /* month 0 … 11, day 0 … 30 */
};

/* Days since 1970-01-01. Years begin with March here, so that the leap day comes last. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t march_month = (month + 10) % 12;
    int64_t y = year - (month < 2);
    int64_t in_year = (153 * march_month + 2) / 5 + day;

    return 365 * y + floor_div(y, 4) - floor_div(y, 100) + floor_div(y, 400) + in_year - 719468;
}

static struct date date_of(int64_t days)
{
    struct date d = {.year = 1970 + floor_div(days * 400, 146097)};

    while (days_of(d.year, 0, 0) > days)
        d.year--;
    while (days_of(d.year + 1, 0, 0) <= days)
        d.year++;
    while (d.month < 11 && days_of(d.year, d.month + 1, 0) <= days)
        d.month++;
    d.day = days - days_of(d.year, d.month, 0);
    return d;
}

/* Local seconds at which summer time begins or ends in `year`. */
static int64_t turn_of(const struct turn *t, int64_t year)
{
    int64_t first = days_of(year, t->month - 1, 0);
    int64_t next = t->month == 12 ? days_of(year + 1, 0, 0) : days_of(year, t->month, 0);
    int64_t weekday = (first % WEEK + 4 + WEEK) % WEEK; /* 1970-01-01 was a Thursday */
    int64_t day = first + (t->weekday - weekday + WEEK) % WEEK + (t->week - 1) * WEEK;

    while (day >= next)
        day -= WEEK;
    return day * DAY + t->time;
}

/* ---- reading ---- */

static int64_t read_big(const uint8_t *p, unsigned n)
{
    uint64_t v = p[0] & 0x80 ? UINT64_MAX : 0;

    for (unsigned i = 0; i < n; i++)
        v = v << 8 | p[i];
    return (int64_t)v;
}

struct counts {
    size_t utc, standard, leaps, times, types, chars;
};

static bool read_counts(struct str *rest, struct counts *ret)
{
    size_t *const to[] = {&ret->utc,   &ret->standard, &ret->leaps,
                          &ret->times, &ret->types,    &ret->chars};
    const uint8_t *p = (const uint8_t *)rest->data;

    if (rest->len < HEADER_SIZE || memcmp(p, "TZif", 4) != 0 || p[4] < '2')
        return false;
    for (size_t i = 0; i < 6; i++) {
        int64_t n = read_big(p + 20 + 4 * i, 4);
        if (n < 0 || n > MAX_TIMES)
            return false;
        *to[i] = (size_t)n;
    }
    rest->data += HEADER_SIZE;
    rest->len -= HEADER_SIZE;
    return ret->types > 0;
}

static size_t block_size(const struct counts *c, size_t time_size)
{
    return c->times * (time_size + 1) + c->types * 6 + c->chars + c->leaps * (time_size + 4) +
           c->standard + c->utc;
}

static bool skip(struct str *rest, size_t n)
{
    if (rest->len < n)
        return false;
    rest->data += n;
    rest->len -= n;
    return true;
}

static bool read_block(struct zone *z, struct str *rest, const struct counts *c)
{
    const uint8_t *times = (const uint8_t *)rest->data;
    const uint8_t *kinds = times + 8 * c->times, *types = kinds + c->times;

    if (!skip(rest, block_size(c, 8)))
        return false;
    z->n = c->times;
    z->at = calloc(z->n + 1, sizeof(*z->at));
    z->offset = calloc(z->n + 1, sizeof(*z->offset));
    assert(z->at && z->offset);
    z->first = (int32_t)read_big(types, 4);
    for (size_t i = 0; i < z->n; i++) {
        z->at[i] = read_big(times + 8 * i, 8);
        if (kinds[i] >= c->types || (i > 0 && z->at[i] <= z->at[i - 1]))
            return false;
        z->offset[i] = (int32_t)read_big(types + (size_t)6 * kinds[i], 4);
    }
    return true;
}

/* ---- the rule for the time after the table: "CET-1CEST,M3.5.0,M10.5.0/3" ---- */

static bool take(struct str *s, char c)
{
    return s->len > 0 && s->data[0] == c && skip(s, 1);
}

static bool take_number(struct str *s, int64_t max, int64_t *ret)
{
    int64_t n = 0;
    size_t digits = 0;

    for (; digits < s->len && digits < 3 && s->data[digits] >= '0' && s->data[digits] <= '9';
         digits++)
        n = 10 * n + (s->data[digits] - '0');
    *ret = n;
    return digits > 0 && n <= max && skip(s, digits);
}

/* [+-]hh[:mm[:ss]] */
static bool take_time(struct str *s, int64_t *ret)
{
    int64_t sign = take(s, '-') ? -1 : 1, hours, minutes = 0, seconds = 0;

    if (sign > 0)
        (void)take(s, '+');
    if (!take_number(s, 167, &hours))
        return false;
    if (take(s, ':') &&
        (!take_number(s, 59, &minutes) || (take(s, ':') && !take_number(s, 59, &seconds))))
        return false;
    *ret = sign * (3600 * hours + 60 * minutes + seconds);
    return true;
}

static bool take_abbreviation(struct str *s)
{
    size_t n = 0;

    if (s->len > 0 && s->data[0] == '<') {
        while (n < s->len && s->data[n] != '>')
            n++;
        return n < s->len && skip(s, n + 1);
    }
    while (n < s->len && ((s->data[n] | 32) >= 'a' && (s->data[n] | 32) <= 'z'))
        n++;
    return n > 0 && skip(s, n);
}

static bool take_turn(struct str *s, struct turn *ret)
{
    ret->time = 2 * 3600;
    return take(s, ',') && take(s, 'M') && take_number(s, 12, &ret->month) && ret->month > 0 &&
           take(s, '.') && take_number(s, 5, &ret->week) && ret->week > 0 && take(s, '.') &&
           take_number(s, 6, &ret->weekday) && (!take(s, '/') || take_time(s, &ret->time));
}

static bool read_rule(struct zone *z, struct str s)
{
    int64_t west;

    if (!take(&s, '\n'))
        return false;
    if (take(&s, '\n'))
        return true; /* the last offset of the table stays */
    if (!take_abbreviation(&s) || !take_time(&s, &west))
        return false;
    z->has_rule = true;
    z->standard = -west;
    if (take(&s, '\n'))
        return true;
    z->has_summer = true;
    z->summer = z->standard + 3600;
    if (!take_abbreviation(&s))
        return false;
    if (s.len > 0 && s.data[0] != ',') {
        if (!take_time(&s, &west))
            return false;
        z->summer = -west;
    }
    return take_turn(&s, &z->begin) && take_turn(&s, &z->end) && take(&s, '\n') && s.len == 0;
}

enum zone_result zone_new(const char *name, struct str tzif, struct zone **ret)
{
    CLEANUP(zone_free) struct zone *z = calloc(1, sizeof(*z));
    struct counts old, counts;

    assert(z);
    if (!str_copy(z->name, sizeof(z->name), str_from(name)) || !read_counts(&tzif, &old) ||
        !skip(&tzif, block_size(&old, 4)) || !read_counts(&tzif, &counts) ||
        !read_block(z, &tzif, &counts) || !read_rule(z, tzif))
        return ZONE_DAMAGED;
    *ret = TAKE(z);
    return ZONE_OK;
}

void zone_free(struct zone **z)
{
    if (!*z)
        return;
    free((*z)->at);
    free((*z)->offset);
    free(*z);
    *z = NULL;
}

const char *zone_name(const struct zone *z)
{
    return z ? z->name : "UTC";
}

bool zone_is_name(struct str name)
{
    struct str segment;

    if (name.len == 0 || name.len >= MAX_NAME || name.data[name.len - 1] == '/')
        return false;
    while (str_cut(&name, '/', &segment)) {
        if (segment.len == 0)
            return false;
        for (size_t i = 0; i < segment.len; i++) {
            char c = segment.data[i];
            bool is_letter = (c | 32) >= 'a' && (c | 32) <= 'z';
            if (!is_letter && !(c >= '0' && c <= '9') && !strchr("+-_", c))
                return false;
        }
    }
    return true;
}

/* ---- asking ---- */

static int32_t offset_by_rule(const struct zone *z, int64_t t)
{
    if (!z->has_summer)
        return (int32_t)z->standard;
    int64_t year = date_of(floor_div(t + z->standard, DAY)).year;
    int64_t begin = turn_of(&z->begin, year) - z->standard;
    int64_t end = turn_of(&z->end, year) - z->summer;
    bool is_summer = begin < end ? begin <= t && t < end : t < end || begin <= t;

    return (int32_t)(is_summer ? z->summer : z->standard);
}

int32_t zone_offset(const struct zone *z, int64_t t)
{
    if (!z)
        return 0;
    if (z->n == 0 || t < z->at[0])
        return z->n == 0 && z->has_rule ? offset_by_rule(z, t) : z->first;
    if (t >= z->at[z->n - 1] && z->has_rule)
        return offset_by_rule(z, t);

    size_t low = 0, high = z->n; /* at[low] <= t < at[high] */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (z->at[middle] <= t)
            low = middle;
        else
            high = middle;
    }
    return z->offset[low];
}

/* The first moment at which local clocks show `local` or later, and never less again that day. */
static int64_t moment_of(const struct zone *z, int64_t local)
{
    int64_t early = local - zone_offset(z, local + DAY), late = local - zone_offset(z, local - DAY);

    if (early > late) {
        int64_t t = early;
        early = late;
        late = t;
    }
    if (early + zone_offset(z, early) == local)
        return early;
    if (late + zone_offset(z, late) == local)
        return late;
    while (late - early > 1) { /* clocks skip it: the moment they do */
        int64_t middle = early + (late - early) / 2;
        if (middle + zone_offset(z, middle) < local)
            early = middle;
        else
            late = middle;
    }
    return late;
}

static int64_t edge(const struct zone *z, enum zone_unit unit, int64_t t, int64_t ahead)
{
    int64_t days = floor_div(t + zone_offset(z, t), DAY);

    if (unit == ZONE_DAY)
        return moment_of(z, (days + ahead) * DAY);
    struct date d = date_of(days);
    d.month += ahead;
    return moment_of(z, days_of(d.year + d.month / 12, d.month % 12, 0) * DAY);
}

int64_t zone_start(const struct zone *z, enum zone_unit unit, int64_t t)
{
    return edge(z, unit, t, 0);
}

int64_t zone_end(const struct zone *z, enum zone_unit unit, int64_t t)
{
    return edge(z, unit, t, 1);
}
