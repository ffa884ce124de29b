#include "check.h"

#include "io/fetch_url.h"

static void check_url(const char *text, const char *host, uint16_t port, const char *prefix)
{
    struct fetch_url url;

    CHECK(fetch_url_parse(str_from(text), &url));
    CHECK(str_is(url.host, host));
    CHECK_INT(url.port, port);
    CHECK(str_is(url.prefix, prefix));
}

static void test_the_parts_of_a_base_url(void **state)
{
    (void)state;
    struct fetch_url url;

    check_url("http://localhost", "localhost", 80, "");
    check_url("HTTP://10.0.0.1:8000/v1", "10.0.0.1", 8000, "/v1");
    check_url("http://[::1]:11434", "::1", 11434, "");
    check_url("http://[fe80::1]", "fe80::1", 80, "");
    check_url("http://a-b_c.example/x/y", "a-b_c.example", 80, "/x/y");
    CHECK(fetch_url_parse(STR("http://[::1]:11434/v1"), &url));
    CHECK_STR(url.authority, "[::1]:11434");
}

static void test_anything_else_is_no_base_url(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "localhost",
        "https://localhost",
        "http://",
        "http:///v1",
        "http://:80",
        "http://a:0",
        "http://a:65536",
        "http://a:-1",
        "http://a:8x",
        "http://a b",
        "http://user@host",
        "http://user:secret@host",
        "http://host/",
        "http://host/v1/",
        "http://host/a b",
        "http://host/a\r\nX: y",
        "http://host?q",
        "http://host/v1?q",
        "http://[::1",
        "http://[::1]x",
        "http://[host-]",
        "http://ho[st]",
    };
    struct fetch_url url;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK(!fetch_url_parse(str_from(bad[i]), &url));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_parts_of_a_base_url),
        cmocka_unit_test(test_anything_else_is_no_base_url),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
