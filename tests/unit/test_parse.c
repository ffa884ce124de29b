#include "base/parse.h"

#include "check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_WAIT (3600 * USEC_PER_SEC)

struct number {
    const char *text;
    uint64_t value;
};

static void whole_numbers_are_read_to_the_last_bit(void **state)
{
    static const struct number good[] = {
        {"0", 0},
        {"7", 7},
        {"010", 10},
        {"18446744073709551615", UINT64_MAX},
        {"00000000000000000000000000000000018446744073709551615", UINT64_MAX},
    };
    static const char *const bad[] = {"",   " ",   "-1",  "+1",  "1 ",
                                      " 1", "1.0", "0x1", "1e3", "18446744073709551616",
                                      "1_", "１",  "1a",  "a1",  "99999999999999999999999"};
    uint64_t n = 42;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        CHECK(parse_u64(str_from(good[i].text), &n));
        CHECK(n == good[i].value);
    }
    n = 42;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK(!parse_u64(str_from(bad[i]), &n));
    CHECK(!parse_u64((struct str){"1\0", 2}, &n));
    CHECK_U64(n, 42);
}

static void hexadecimal_takes_no_prefix_and_never_wraps(void **state)
{
    static const struct number good[] = {
        {"0", 0},
        {"fF", 255},
        {"DeadBeef", 0xdeadbeef},
        {"ffffffffffffffff", UINT64_MAX},
        {"0000000000000000000000001", 1},
    };
    static const char *const bad[] = {"", "0x1", "g", "-1", "1 ", " 1", "10000000000000000", "1;"};
    uint64_t n = 42;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        CHECK(parse_hex(str_from(good[i].text), &n));
        CHECK(n == good[i].value);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK(!parse_hex(str_from(bad[i]), &n));
}

static void decimals_are_finite_and_fully_spelled(void **state)
{
    static const char *const bad[] = {"",     ".5",  "5.",  "+1",    "-1",    "1e",   "1e+",
                                      "inf",  "nan", "0x1", "1,5",   "1e400", "1 ",   " 1",
                                      "1.e3", "1d",  "e5",  "1e5.5", "--1",   "1.2.3"};
    double d = 42;
    char big[600];

    (void)state;
    CHECK(parse_double(STR("1.25"), &d) && d == 1.25);
    CHECK(parse_double(STR("0"), &d) && d == 0);
    CHECK(parse_double(STR("2e-3"), &d) && d == 2e-3);
    CHECK(parse_double(STR("1E+2"), &d) && d == 100);
    CHECK(parse_double(STR("1e-999"), &d) && d == 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK(!parse_double(str_from(bad[i]), &d));
    memset(big, '0', sizeof(big));
    CHECK(!parse_double((struct str){big, sizeof(big)}, &d));
    CHECK(parse_double((struct str){big, 511}, &d));
}

static void sizes_know_decimal_and_binary_units(void **state)
{
    static const struct number good[] = {
        {"0", 0},
        {"512", 512},
        {"10kB", 10000},
        {"32KiB", 32768},
        {"5MB", 5000000},
        {"1MiB", 1048576},
        {"3GB", 3000000000},
        {"2GiB", UINT64_C(2) << 30},
        {"1TB", 1000000000000},
        {"1TiB", UINT64_C(1) << 40},
        {"16777215TiB", UINT64_C(16777215) << 40},
    };
    static const char *const bad[] = {"",      "KiB",   "1 KiB", "1kib", "1K",          "-1MiB",
                                      "1.5GB", "1MiBs", "1b",    "1B",   "16777216TiB", "1KB"};
    uint64_t n = 42;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        CHECK(parse_size(str_from(good[i].text), &n));
        CHECK(n == good[i].value);
    }
    n = 42;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK(!parse_size(str_from(bad[i]), &n));
    CHECK_U64(n, 42);
}

static void durations_need_a_unit_unless_they_are_zero(void **state)
{
    static const struct number good[] = {
        {"0", 0},          {"0s", 0},         {"250us", 250},     {"200ms", 200000},
        {"10s", 10000000}, {"5m", 300000000}, {"1h", 3600000000}, {"30d", UINT64_C(2592000000000)},
    };
    static const char *const bad[] = {"",
                                      "5",
                                      "00",
                                      "s",
                                      "1.5s",
                                      "1 s",
                                      "-1s",
                                      "1h30m",
                                      "10S",
                                      "1w",
                                      "1min",
                                      "213503983d",
                                      "18446744073709551615us"};
    usec_t t = 42;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        CHECK(parse_duration(str_from(good[i].text), &t));
        CHECK(t == good[i].value);
    }
    t = 42;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK(!parse_duration(str_from(bad[i]), &t));
    CHECK_U64(t, 42);
}

/* 1994-11-06 08:49:37 UTC, the instant that RFC 9110 spells in all three forms */
#define RFC_INSTANT ((usec_t)784111777 * USEC_PER_SEC)

static void retry_after_reads_seconds(void **state)
{
    usec_t wait;

    (void)state;
    CHECK(parse_retry_after(STR("0"), 0, MAX_WAIT, &wait));
    CHECK_U64(wait, 0);
    CHECK(parse_retry_after(STR("120"), RFC_INSTANT, MAX_WAIT, &wait));
    CHECK_U64(wait, 120 * USEC_PER_SEC);
    CHECK(parse_retry_after(STR("1"), 0, USEC_PER_SEC / 2, &wait));
    CHECK_U64(wait, USEC_PER_SEC / 2);
    CHECK(parse_retry_after(STR("2"), 0, 5 * USEC_PER_SEC / 2, &wait));
    CHECK_U64(wait, 2 * USEC_PER_SEC);
}

static void retry_after_is_clamped_however_long(void **state)
{
    static const char *const texts[] = {"3601", "18446744073709551615", "18446744073709551616",
                                        "99999999999999999999999999",
                                        "Fri, 31 Dec 9999 23:59:59 GMT"};
    usec_t wait;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        CHECK(parse_retry_after(str_from(texts[i]), RFC_INSTANT, MAX_WAIT, &wait));
        CHECK_U64(wait, MAX_WAIT);
    }
}

static void retry_after_reads_the_three_forms_of_a_date(void **state)
{
    static const char *const texts[] = {"Sun, 06 Nov 1994 08:49:37 GMT",
                                        "Sunday, 06-Nov-94 08:49:37 GMT",
                                        "Sun Nov  6 08:49:37 1994"};
    usec_t wait;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        CHECK(
            parse_retry_after(str_from(texts[i]), RFC_INSTANT - 5 * USEC_PER_SEC, MAX_WAIT, &wait));
        CHECK_U64(wait, 5 * USEC_PER_SEC);
        CHECK(parse_retry_after(str_from(texts[i]), RFC_INSTANT + 1, MAX_WAIT, &wait));
        CHECK_U64(wait, 0);
    }
    CHECK(parse_retry_after(STR("Thu, 01 Jan 1970 00:00:00 GMT"), 0, MAX_WAIT, &wait));
    CHECK_U64(wait, 0);
    CHECK(parse_retry_after(STR("Wed, 31 Dec 1969 23:59:59 GMT"), 0, MAX_WAIT, &wait));
    CHECK_U64(wait, 0);
}

static void retry_after_refuses_what_is_neither(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "-1",
        "+1",
        "1.5",
        "1s",
        "120 ",
        "soon",
        "sun, 06 nov 1994 08:49:37 gmt",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun,  06 Nov 1994 08:49:37 GMT",
        "Mon, 06 Nov 1994 08:49:37 GMT",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT, Sun",
        "1994-11-06T08:49:37Z",
    };
    usec_t wait = 42;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        CHECK(!parse_retry_after(str_from(texts[i]), 0, MAX_WAIT, &wait));
    CHECK(!parse_retry_after((struct str){"Sun, 06 Nov 1994 08:49:37 GMT\0x", 31}, 0, MAX_WAIT,
                             &wait));
    CHECK_U64(wait, 42);
}

static void every_second_of_a_day_survives_the_trip(void **state)
{
    (void)state;
    for (unsigned second = 0; second < 86400; second += 61) {
        char text[64];
        usec_t wait;
        snprintf(text, sizeof(text), "Sun, 06 Nov 1994 %02u:%02u:%02u GMT", second / 3600,
                 second / 60 % 60, second % 60);
        CHECK(parse_retry_after(str_from(text), (usec_t)784080000 * USEC_PER_SEC,
                                86400 * USEC_PER_SEC, &wait));
        CHECK_U64(wait, second * USEC_PER_SEC);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers_are_read_to_the_last_bit),
        cmocka_unit_test(hexadecimal_takes_no_prefix_and_never_wraps),
        cmocka_unit_test(decimals_are_finite_and_fully_spelled),
        cmocka_unit_test(sizes_know_decimal_and_binary_units),
        cmocka_unit_test(durations_need_a_unit_unless_they_are_zero),
        cmocka_unit_test(retry_after_reads_seconds),
        cmocka_unit_test(retry_after_is_clamped_however_long),
        cmocka_unit_test(retry_after_reads_the_three_forms_of_a_date),
        cmocka_unit_test(retry_after_refuses_what_is_neither),
        cmocka_unit_test(every_second_of_a_day_survives_the_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
