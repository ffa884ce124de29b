#include "base/parse.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t count_digits(const char *p, size_t len)
{
    size_t n = 0;

    while (n < len && is_digit(p[n]))
        n++;
    return n;
}

bool parse_u64(struct str text, uint64_t *ret)
{
    uint64_t n = 0;

    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.data[i]) || __builtin_mul_overflow(n, 10, &n) ||
            __builtin_add_overflow(n, (uint64_t)(text.data[i] - '0'), &n))
            return false;
    }
    *ret = n;
    return true;
}

static int hex_digit(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool parse_hex(struct str text, uint64_t *ret)
{
    uint64_t n = 0;

    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        int digit = hex_digit(text.data[i]);
        if (digit < 0 || n >> 60 != 0)
            return false;
        n = n << 4 | (uint64_t)digit;
    }
    *ret = n;
    return true;
}

/* digits [ "." digits ] [ e [ sign ] digits ], and nothing after it */
static bool is_decimal(struct str text)
{
    const char *p = text.data, *end = text.data + text.len;
    size_t n = count_digits(p, text.len);

    if (n == 0)
        return false;
    p += n;
    if (p < end && *p == '.') {
        p++;
        n = count_digits(p, (size_t)(end - p));
        if (n == 0)
            return false;
        p += n;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        n = count_digits(p, (size_t)(end - p));
        if (n == 0)
            return false;
        p += n;
    }
    return p == end;
}

bool parse_double(struct str text, double *ret)
{
    char copy[512]; /* DBL_MAX takes 309 digits */

    if (!is_decimal(text) || !str_copy(copy, sizeof(copy), text))
        return false;
    double d = strtod(copy, NULL);
    if (!isfinite(d))
        return false;
    *ret = d;
    return true;
}

struct unit {
    const char *name;
    uint64_t factor;
};

static bool parse_with_unit(struct str text, const struct unit *unit, uint64_t *ret)
{
    size_t n_digits = count_digits(text.data, text.len);
    struct str suffix = {text.data + n_digits, text.len - n_digits};
    uint64_t n;

    if (!parse_u64((struct str){text.data, n_digits}, &n))
        return false;
    for (; unit->name; unit++) {
        if (str_is(suffix, unit->name))
            return !__builtin_mul_overflow(n, unit->factor, ret);
    }
    return false;
}

bool parse_size(struct str text, uint64_t *ret)
{
    static const struct unit units[] = {
        {"", 1},
        {"kB", 1000},
        {"MB", 1000000},
        {"GB", 1000000000},
        {"TB", 1000000000000},
        {"KiB", UINT64_C(1) << 10},
        {"MiB", UINT64_C(1) << 20},
        {"GiB", UINT64_C(1) << 30},
        {"TiB", UINT64_C(1) << 40},
        {NULL, 0},
    };
    uint64_t n;

    if (!parse_with_unit(text, units, &n))
        return false;
    *ret = n;
    return true;
}

bool parse_duration(struct str text, usec_t *ret)
{
    static const struct unit units[] = {
        {"us", 1},
        {"ms", USEC_PER_MSEC},
        {"s", USEC_PER_SEC},
        {"m", 60 * USEC_PER_SEC},
        {"h", 3600 * USEC_PER_SEC},
        {"d", 86400 * USEC_PER_SEC},
        {NULL, 0},
    };
    uint64_t n;

    if (str_is(text, "0")) {
        *ret = 0;
        return true;
    }
    if (!parse_with_unit(text, units, &n) || n == USEC_INFINITY)
        return false;
    *ret = n;
    return true;
}

static bool take_number(struct str *rest, size_t n_digits, int *ret)
{
    uint64_t n;

    if (rest->len < n_digits || !parse_u64((struct str){rest->data, n_digits}, &n))
        return false;
    rest->data += n_digits;
    rest->len -= n_digits;
    *ret = (int)n;
    return true;
}

static bool take_text(struct str *rest, const char *text, size_t len)
{
    if (rest->len < len || memcmp(rest->data, text, len) != 0)
        return false;
    rest->data += len;
    rest->len -= len;
    return true;
}

/* One of `names`, whole or its first three letters. */
static bool take_name(struct str *rest, const char *const names[], bool is_short, int *ret)
{
    for (int i = 0; names[i]; i++) {
        if (take_text(rest, names[i], is_short ? 3 : strlen(names[i]))) {
            *ret = i;
            return true;
        }
    }
    return false;
}

static bool take_date_field(struct str *rest, char field, struct tm *tm)
{
    static const char *const days[] = {"Sunday",   "Monday", "Tuesday",  "Wednesday",
                                       "Thursday", "Friday", "Saturday", NULL};
    static const char *const months[] = {"January",  "February", "March",  "April",     "May",
                                         "June",     "July",     "August", "September", "October",
                                         "November", "December", NULL};

    switch (field) {
    case 'a':
    case 'A':
        return take_name(rest, days, field == 'a', &tm->tm_wday);
    case 'b':
        return take_name(rest, months, true, &tm->tm_mon);
    case 'd':
        return take_number(rest, 2, &tm->tm_mday);
    case 'e':
        return take_number(rest, take_text(rest, " ", 1) ? 1 : 2, &tm->tm_mday);
    case 'H':
        return take_number(rest, 2, &tm->tm_hour);
    case 'M':
        return take_number(rest, 2, &tm->tm_min);
    case 'S':
        return take_number(rest, 2, &tm->tm_sec);
    case 'Y':
        if (!take_number(rest, 4, &tm->tm_year))
            return false;
        tm->tm_year -= 1900;
        return true;
    default: /* y: 1970 to 2069 */
        if (!take_number(rest, 2, &tm->tm_year))
            return false;
        tm->tm_year += tm->tm_year < 70 ? 100 : 0;
        return true;
    }
}

/* `format` speaks the language of strptime(), which itself is lenient about case, space and
 * calendar. A date that does not exist, or not on that weekday, is refused. */
static bool parse_date(struct str text, const char *format, time_t *ret)
{
    struct tm tm = {0};

    for (const char *p = format; *p; p++) {
        bool matches = *p == '%' ? take_date_field(&text, *++p, &tm) : take_text(&text, p, 1);
        if (!matches)
            return false;
    }
    struct tm real = tm;
    time_t at = timegm(&real);
    if (text.len > 0 || real.tm_wday != tm.tm_wday || real.tm_mday != tm.tm_mday ||
        real.tm_hour != tm.tm_hour || real.tm_min != tm.tm_min || real.tm_sec != tm.tm_sec)
        return false;
    *ret = at;
    return true;
}

/* The form in use, and two obsolete ones that must still be understood. */
static bool parse_http_date(struct str text, time_t *ret)
{
    return parse_date(text, "%a, %d %b %Y %H:%M:%S GMT", ret) ||
           parse_date(text, "%A, %d-%b-%y %H:%M:%S GMT", ret) ||
           parse_date(text, "%a %b %e %H:%M:%S %Y", ret);
}

static usec_t at_most(uint64_t sec, usec_t max)
{
    return sec <= max / USEC_PER_SEC ? sec * USEC_PER_SEC : max;
}

bool parse_retry_after(struct str text, usec_t wall_now, usec_t max, usec_t *ret)
{
    uint64_t sec;
    time_t at;

    if (text.len > 0 && count_digits(text.data, text.len) == text.len) {
        *ret = parse_u64(text, &sec) ? at_most(sec, max) : max;
        return true;
    }
    if (!parse_http_date(text, &at))
        return false;

    usec_t then = at > 0 ? at_most((uint64_t)at, USEC_INFINITY) : 0;
    usec_t wait = then > wall_now ? then - wall_now : 0;
    *ret = wait < max ? wait : max;
    return true;
}
