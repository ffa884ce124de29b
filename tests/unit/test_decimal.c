#include "base/decimal.h"

#include "check.h"

#include <inttypes.h>
#include <stdio.h>

static void a_number_reads_as_printf_writes_it(void **state)
{
    const int64_t numbers[] = {0,          1,         9,        10,        99,        100,
                               -1,         -10,       255,      INT32_MAX, INT32_MIN, INT64_MAX - 1,
                               -INT64_MAX, INT64_MIN, INT64_MAX};
    char text[DECIMAL_SIZE], expected[DECIMAL_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        CHECK_U64(decimal_i64(numbers[i], text),
                  (uint64_t)snprintf(expected, sizeof(expected), "%" PRId64, numbers[i]));
        CHECK_TEXT(text, expected);
        uint64_t n = (uint64_t)numbers[i];
        CHECK_U64(decimal_u64(n, text),
                  (uint64_t)snprintf(expected, sizeof(expected), "%" PRIu64, n));
        CHECK_TEXT(text, expected);
    }
}

static void a_padded_number_has_just_its_digits(void **state)
{
    char text[DECIMAL_SIZE];

    (void)state;
    CHECK_U64(decimal_padded(7, 3, text), 3);
    CHECK_TEXT(text, "007");
    CHECK_U64(decimal_padded(1234, 3, text), 3);
    CHECK_TEXT(text, "234");
    CHECK_U64(decimal_padded(UINT64_MAX, 20, text), 20);
    CHECK_TEXT(text, "18446744073709551615");
    CHECK_U64(decimal_padded(5, 0, text), 0);
    CHECK_TEXT(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_reads_as_printf_writes_it),
        cmocka_unit_test(a_padded_number_has_just_its_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
