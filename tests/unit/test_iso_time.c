#include "base/iso_time.h"

#include "check.h"

#include <stdio.h>
#include <time.h>

static void check(usec_t wall)
{
    char text[ISO_TIME_SIZE], expected[64];
    time_t second = (time_t)(wall / USEC_PER_SEC);
    struct tm tm;

    gmtime_r(&second, &tm);
    size_t n = strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(expected + n, sizeof(expected) - n, ".%06uZ", (unsigned)(wall % USEC_PER_SEC));
    CHECK_U64(iso_time_write(wall, text), ISO_TIME_SIZE - 1);
    CHECK_TEXT(text, expected);
}

static void every_day_of_five_centuries_is_the_calendar_s(void **state)
{
    (void)state;
    for (usec_t day = 0; day < 500 * 366; day++)
        check(day * 86400 * USEC_PER_SEC + day % 86400 * USEC_PER_SEC + day);
    check(86400 * USEC_PER_SEC - 1);
    check((usec_t)253402300799 * USEC_PER_SEC + 999999); /* the end of the year 9999 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day_of_five_centuries_is_the_calendar_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
