#include "retry_after.h"

#include "check.h"

#include <stdio.h>

#define WALL (UINT64_C(1794000000) * USEC_PER_SEC) /* Tue, 06 Nov 2026 21:20:00 GMT */
#define NONE USEC_INFINITY

static const struct {
    const char *text;
    usec_t wait; /* NONE: not readable */
} headers[] = {
    {"0", 0},
    {"7", 7 * USEC_PER_SEC},
    {"1.5", 1500 * USEC_PER_MSEC},
    {"60", 60 * USEC_PER_SEC},
    {"61", 60 * USEC_PER_SEC},
    {"1000000000", 60 * USEC_PER_SEC},
    {"99999999999999999999999999", 60 * USEC_PER_SEC},
    {"-1", NONE},
    {"+1", NONE},
    {"soon", NONE},
    {"", NONE},
    {"1 s", NONE},
    {"1e400", NONE},
    /* the three forms of an HTTP date */
    {"Fri, 06 Nov 2026 21:20:09 GMT", 9 * USEC_PER_SEC},
    {"Friday, 06-Nov-26 21:20:09 GMT", 9 * USEC_PER_SEC},
    {"Fri Nov  6 21:20:09 2026", 9 * USEC_PER_SEC},
    {"Fri, 06 Nov 2026 22:20:00 GMT", 60 * USEC_PER_SEC},
    {"Fri, 06 Nov 2026 20:20:00 GMT", 0},
    {"Mon, 06 Nov 2026 21:20:09 GMT", NONE}, /* it is not a Monday */
};

static const struct {
    const char *text;
    usec_t wait;
} spans[] = {
    {"1m2.5s", 60 * USEC_PER_SEC},
    {"2.5s", 2500 * USEC_PER_MSEC},
    {"59s999ms", 59999 * USEC_PER_MSEC},
    {"120ms", 120 * USEC_PER_MSEC},
    {"6m0s", 60 * USEC_PER_SEC},
    {"7.66s", 7660 * USEC_PER_MSEC},
    {"34.074824224s", 34074824},
    {"250us", 250},
    {"0s", 0},
    {"1h", 60 * USEC_PER_SEC},
    {"0h0m3s", 3 * USEC_PER_SEC},
    {"", NONE},
    {"s", NONE},
    {"1", NONE},
    {"1s1m", NONE}, /* not falling */
    {"1s1s", NONE},
    {"1.2.3s", NONE},
    {"-1s", NONE},
    {"1 s", NONE},
    {"1d", NONE},
    {"1s ", NONE},
};

static usec_t read_all(const struct retry_after *h, const char *body)
{
    const struct json_value *root = NULL;
    usec_t wait = 0;
    size_t offset;
    struct arena a;

    arena_init(&a, 1 << 20);
    if (body)
        CHECK_INT(json_parse(&a, str_from(body), &root, &offset), JSON_OK);
    bool is_read = retry_after_read(h, root, &a, WALL, &wait);
    arena_done(&a);
    return is_read ? wait : NONE;
}

static void the_header_in_every_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        struct retry_after h = {.retry_after = str_from(headers[i].text)};
        print_message("%s\n", headers[i].text);
        CHECK_U64(read_all(&h, NULL), headers[i].wait);
    }
}

static void spans_of_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
        usec_t wait = 0;
        print_message("%s\n", spans[i].text);
        bool is_read = retry_after_parse_span(str_from(spans[i].text), &wait);
        CHECK_U64(is_read ? wait : NONE, spans[i].wait);
    }
}

static void milliseconds_are_more_exact_and_go_first(void **state)
{
    struct retry_after h = {.retry_after = STR("2"), .retry_after_ms = STR("1250")};

    (void)state;
    CHECK_U64(read_all(&h, NULL), 1250 * USEC_PER_MSEC);
    h.retry_after_ms = STR("rubbish");
    CHECK_U64(read_all(&h, NULL), 2 * USEC_PER_SEC);
}

static void a_reset_counts_for_what_is_used_up(void **state)
{
    struct retry_after h = {
        .remaining_requests = STR("0"),
        .reset_requests = STR("1.5s"),
        .remaining_tokens = STR("149984"),
        .reset_tokens = STR("6m0s"),
    };

    (void)state;
    CHECK_U64(read_all(&h, NULL), 1500 * USEC_PER_MSEC);
    h.remaining_tokens = STR("0");
    h.reset_tokens = STR("20");
    CHECK_U64(read_all(&h, NULL), 20 * USEC_PER_SEC);
    h.remaining_requests = h.remaining_tokens = STR("1");
    CHECK_U64(read_all(&h, NULL), NONE);
    h.retry_after = STR("3");
    CHECK_U64(read_all(&h, NULL), 3 * USEC_PER_SEC);
}

static void googles_errors_say_it_in_the_body(void **state)
{
    static const char quota[] =
        "{\"error\":{\"code\":429,\"message\":\"You exceeded your current quota\","
        "\"status\":\"RESOURCE_EXHAUSTED\",\"details\":["
        "{\"@type\":\"type.googleapis.com/google.rpc.QuotaFailure\",\"violations\":[]},"
        "{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"34.07s\"}]}}";
    struct retry_after h = {.retry_after = STR_EMPTY};
    char list[512];

    (void)state;
    CHECK_U64(read_all(&h, quota), 34070 * USEC_PER_MSEC);
    snprintf(list, sizeof(list), "[%s]", quota);
    CHECK_U64(read_all(&h, list), 34070 * USEC_PER_MSEC);
    CHECK_U64(read_all(&h, "{\"error\":{\"details\":[{\"retryDelay\":\"never\"}]}}"), NONE);
    CHECK_U64(read_all(&h, "{\"error\":\"busy\"}"), NONE);
    CHECK_U64(read_all(&h, "[]"), NONE);
    CHECK_U64(read_all(&h, "null"), NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_header_in_every_form),
        cmocka_unit_test(spans_of_time),
        cmocka_unit_test(milliseconds_are_more_exact_and_go_first),
        cmocka_unit_test(a_reset_counts_for_what_is_used_up),
        cmocka_unit_test(googles_errors_say_it_in_the_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
