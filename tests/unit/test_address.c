#include "io/address.h"

#include "check.h"

#include <string.h>

static void an_address_is_read_and_written_the_same(void **state)
{
    static const char *const texts[] = {"127.0.0.1:8080", "0.0.0.0:0",       "255.1.2.3:65535",
                                        "[::1]:443",      "[2001:db8::7]:1", "unix:/run/x.sock"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct address a;
        char text[128];
        CHECK(address_parse(str_from(texts[i]), &a));
        CHECK(address_format(&a, text, sizeof(text)));
        CHECK_TEXT(text, texts[i]);
    }
}

static void localhost_is_the_one_name(void **state)
{
    struct address a, b;

    (void)state;
    CHECK(address_parse(STR("localhost:80"), &a));
    CHECK(address_parse(STR("127.0.0.1:80"), &b));
    CHECK(address_is_equal(&a, &b));
    CHECK(address_parse(STR("127.0.0.1:81"), &b));
    CHECK(!address_is_equal(&a, &b));
}

static void anything_else_is_refused(void **state)
{
    static const char *const texts[] = {"",
                                        ":80",
                                        "80",
                                        "host:80",
                                        "127.0.0.1",
                                        "127.0.0.1:",
                                        "1.2.3:4",
                                        "::1:80",
                                        "[::1]",
                                        "[::1]80",
                                        "[]:80",
                                        "[::g]:80",
                                        "1.2.3.4:65536",
                                        "1.2.3.4:-1",
                                        "1.2.3.4:+1",
                                        " 1.2.3.4:1",
                                        "1.2.3.4 :1",
                                        "1.2.3.4:1 ",
                                        "[1.2.3.4]:1",
                                        "unix:",
                                        "unix:relative",
                                        "tcp://1.2.3.4:1",
                                        "01.2.3.4:1"};
    struct address a;
    char big[200];

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (address_parse(str_from(texts[i]), &a))
            fail_msg("accepted: %s", texts[i]);
    memset(big, 'a', sizeof(big));
    memcpy(big, "unix:/", 6);
    CHECK(!address_parse((struct str){big, sizeof(big)}, &a));
}

static bool is_loopback(const char *text)
{
    struct address a;

    return address_parse(str_from(text), &a) && address_is_loopback(&a);
}

static void only_this_machine_is_loopback(void **state)
{
    (void)state;
    CHECK(is_loopback("127.0.0.1:80"));
    CHECK(is_loopback("127.8.9.1:80"));
    CHECK(is_loopback("localhost:80"));
    CHECK(is_loopback("[::1]:80"));
    CHECK(is_loopback("unix:/run/x.sock"));
    CHECK(!is_loopback("0.0.0.0:80"));
    CHECK(!is_loopback("[::]:80"));
    CHECK(!is_loopback("128.0.0.1:80"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_read_and_written_the_same),
        cmocka_unit_test(localhost_is_the_one_name),
        cmocka_unit_test(anything_else_is_refused),
        cmocka_unit_test(only_this_machine_is_loopback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
