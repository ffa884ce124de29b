#include "base/iso_time.h"

#include "base/decimal.h"

#define DAYS_PER_400_YEARS 146097
#define DAYS_TO_1970       719468 /* since the first of March of the year 0 */

struct date {
    unsigned year, month, day;
};

/* Years begin in March here, so that the day that leap years have more is their last. */
static struct date date_of(uint64_t days_since_1970)
{
    uint64_t days = days_since_1970 + DAYS_TO_1970;
    unsigned in_cycle = (unsigned)(days % DAYS_PER_400_YEARS);
    unsigned year = (in_cycle - in_cycle / 1460 + in_cycle / 36524 - in_cycle / 146096) / 365;
    unsigned in_year = in_cycle - (365 * year + year / 4 - year / 100);
    unsigned month = (5 * in_year + 2) / 153; /* 0 is March: 31 30 31 30 31 repeat */
    unsigned is_next = month >= 10;

    return (struct date){.year = (unsigned)(days / DAYS_PER_400_YEARS) * 400 + year + is_next,
                         .month = is_next ? month - 9 : month + 3,
                         .day = in_year - (153 * month + 2) / 5 + 1};
}

static char *put(char *to, uint64_t n, unsigned digits, char end)
{
    to += decimal_padded(n, digits, to);
    *to = end;
    return to + 1;
}

size_t iso_time_write(usec_t wall, char ret_text[ISO_TIME_SIZE])
{
    char *to = ret_text;
    uint64_t second = wall / USEC_PER_SEC;
    struct date d = date_of(second / 86400);

    to = put(to, d.year, 4, '-');
    to = put(to, d.month, 2, '-');
    to = put(to, d.day, 2, 'T');
    to = put(to, second / 3600 % 24, 2, ':');
    to = put(to, second / 60 % 60, 2, ':');
    to = put(to, second % 60, 2, '.');
    to = put(to, wall % USEC_PER_SEC, 6, 'Z');
    *to = '\0';
    return (size_t)(to - ret_text);
}
