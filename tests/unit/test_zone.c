#include "base/zone.h"

#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DATABASE "/usr/share/zoneinfo"
#define HOUR     INT64_C(3600)
#define DAY      (24 * HOUR)

static const char *const names[] = {
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Havana",
    "Pacific/Apia",
    "Asia/Kolkata",
    "America/Sao_Paulo",
    "Asia/Beirut",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "Pacific/Kiritimati",
};
#define N_NAMES (sizeof(names) / sizeof(names[0]))

static char file[65536];

static struct str read_zone(const char *name)
{
    char path[128];
    snprintf(path, sizeof(path), DATABASE "/%s", name);
    FILE *f = fopen(path, "re");
    if (!f)
        skip();
    size_t n = fread(file, 1, sizeof(file), f);
    fclose(f);
    return (struct str){file, n};
}

static struct zone *zone_of(const char *name)
{
    struct zone *z = NULL;
    CHECK_INT(zone_new(name, read_zone(name), &z), ZONE_OK);
    return z;
}

/* 2026-03-29 00:30 UTC … */
static int64_t utc(const char *text)
{
    struct tm tm = {0};
    assert_non_null(strptime(text, "%Y-%m-%d %H:%M", &tm));
    return timegm(&tm);
}

static void test_offsets_are_those_of_the_c_library(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_NAMES; i++) {
        struct zone *z = zone_of(names[i]);
        CHECK_TEXT(zone_name(z), names[i]);
        setenv("TZ", names[i], 1);
        tzset();
        /* from 1970 to 2100, by steps that meet every hour of the day */
        for (int64_t t = 0; t < 130 * 365 * DAY; t += 3 * DAY + 5 * HOUR + 1) {
            time_t c = t;
            struct tm tm;
            localtime_r(&c, &tm);
            CHECK_INT(zone_offset(z, t), tm.tm_gmtoff);
        }
        zone_free(&z);
        assert_null(z);
    }
}

static int64_t day_of(const struct zone *z, int64_t t)
{
    int64_t local = t + zone_offset(z, t);
    return local / DAY - (local % DAY < 0);
}

static void test_a_day_reaches_from_its_first_moment_to_that_of_the_next(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_NAMES; i++) {
        struct zone *z = zone_of(names[i]);
        for (int64_t t = 40 * 365 * DAY; t < 90 * 365 * DAY; t += 7 * HOUR + 13) {
            int64_t start = zone_start(z, ZONE_DAY, t), end = zone_end(z, ZONE_DAY, t);
            CHECK(start <= t && t < end);
            CHECK(day_of(z, start) == day_of(z, t) && day_of(z, start - 1) < day_of(z, t));
            CHECK(day_of(z, end) > day_of(z, t) && day_of(z, end - 1) <= day_of(z, t));
            CHECK_INT(zone_start(z, ZONE_DAY, end), end);
            CHECK_INT(zone_end(z, ZONE_DAY, start), end);
        }
        zone_free(&z);
    }
}

static void test_days_with_a_change_of_clocks_are_longer_or_shorter(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *at, *start, *end;
    } cases[] = {
        {"Europe/Berlin", "2026-03-29 12:00", "2026-03-28 23:00", "2026-03-29 22:00"},
        {"Europe/Berlin", "2026-10-25 00:30", "2026-10-24 22:00", "2026-10-25 23:00"},
        {"Europe/Berlin", "2026-10-25 01:30", "2026-10-24 22:00", "2026-10-25 23:00"},
        /* beyond the file's table: by its rule */
        {"Europe/Berlin", "2060-03-28 12:00", "2060-03-27 23:00", "2060-03-28 22:00"},
        /* midnight does not exist: clocks go from 24:00 to 1:00 */
        {"America/Havana", "2026-03-08 12:00", "2026-03-08 05:00", "2026-03-09 04:00"},
        {"Asia/Beirut", "2026-03-28 20:00", "2026-03-27 22:00", "2026-03-28 22:00"},
        /* midnight comes twice */
        {"America/Havana", "2026-11-01 05:30", "2026-11-01 04:00", "2026-11-02 05:00"},
        /* clocks went back from midnight to 23:00 */
        {"America/Sao_Paulo", "2018-02-18 02:30", "2018-02-17 02:00", "2018-02-18 03:00"},
        /* a day that never was */
        {"Pacific/Apia", "2011-12-30 09:59", "2011-12-29 10:00", "2011-12-30 10:00"},
        {"Pacific/Apia", "2011-12-30 10:00", "2011-12-30 10:00", "2011-12-31 10:00"},
        {"Asia/Kolkata", "2026-01-01 12:00", "2025-12-31 18:30", "2026-01-01 18:30"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct zone *z = zone_of(cases[i].zone);
        CHECK_INT(zone_start(z, ZONE_DAY, utc(cases[i].at)), utc(cases[i].start));
        CHECK_INT(zone_end(z, ZONE_DAY, utc(cases[i].at)), utc(cases[i].end));
        zone_free(&z);
    }
}

static void test_months_begin_at_local_midnight_of_the_first(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *at, *start, *end;
    } cases[] = {
        {NULL, "2026-11-21 16:00", "2026-11-01 00:00", "2026-12-01 00:00"},
        {NULL, "2026-12-31 23:59", "2026-12-01 00:00", "2027-01-01 00:00"},
        {NULL, "2028-02-29 12:00", "2028-02-01 00:00", "2028-03-01 00:00"},
        {NULL, "2000-02-29 12:00", "2000-02-01 00:00", "2000-03-01 00:00"},
        {NULL, "1970-01-01 00:00", "1970-01-01 00:00", "1970-02-01 00:00"},
        {"Europe/Berlin", "2026-10-31 23:30", "2026-10-31 23:00", "2026-11-30 23:00"},
        {"Europe/Berlin", "2026-10-31 22:30", "2026-09-30 22:00", "2026-10-31 23:00"},
        {"Pacific/Kiritimati", "2026-12-31 11:00", "2026-12-31 10:00", "2027-01-31 10:00"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct zone *z = cases[i].zone ? zone_of(cases[i].zone) : NULL;
        CHECK_INT(zone_start(z, ZONE_MONTH, utc(cases[i].at)), utc(cases[i].start));
        CHECK_INT(zone_end(z, ZONE_MONTH, utc(cases[i].at)), utc(cases[i].end));
        zone_free(&z);
    }
    CHECK_TEXT(zone_name(NULL), "UTC");
}

static void test_a_damaged_file_is_refused(void **state)
{
    (void)state;
    struct str whole = read_zone("Europe/Berlin");
    struct zone *z = NULL;
    for (size_t n = 0; n < whole.len; n++)
        CHECK_INT(zone_new("x", (struct str){whole.data, n}, &z), ZONE_DAMAGED);
    file[0] = 'X';
    CHECK_INT(zone_new("x", whole, &z), ZONE_DAMAGED);
    assert_null(z);
}

static void test_a_name_stays_inside_its_folder(void **state)
{
    (void)state;
    CHECK(zone_is_name(STR("UTC")) && zone_is_name(STR("Europe/Berlin")));
    CHECK(zone_is_name(STR("America/Argentina/Buenos_Aires")) && zone_is_name(STR("Etc/GMT+12")));
    static const char *const wrong[] = {"",  "/etc/passwd", "../x", "Europe/../x", "Europe//Berlin",
                                        ".", "Europe/",     "a b",  "a\nb",        "Euro.pe"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        CHECK(!zone_is_name(str_from(wrong[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offsets_are_those_of_the_c_library),
        cmocka_unit_test(test_a_day_reaches_from_its_first_moment_to_that_of_the_next),
        cmocka_unit_test(test_days_with_a_change_of_clocks_are_longer_or_shorter),
        cmocka_unit_test(test_months_begin_at_local_midnight_of_the_first),
        cmocka_unit_test(test_a_damaged_file_is_refused),
        cmocka_unit_test(test_a_name_stays_inside_its_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
