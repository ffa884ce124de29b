#include "prices.h"

#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define USD INT64_C(1000000000)

static char path[] = "/tmp/test-prices-XXXXXX";

static void write_file(const char *text)
{
    strcpy(path + sizeof(path) - 7, "XXXXXX");
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    CHECK_INT(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static const char list[] = "prices:\n"
                           "  - {provider: openai, model: gpt-5, input: 1.25, output: 10.0,"
                           " cache_read: 0.125, source: 'https://example.com', date: 2026-11-01}\n"
                           "  - {provider: '*', model: gpt-5, input: 2, output: 20}\n"
                           "  - {provider: ollama, model: 'llama3.2:3b', input: 0, output: 0}\n";

static struct settings_price overrides[] = {
    {"azure", "gpt-5", USD, 5 * USD, MONEY_UNKNOWN, MONEY_UNKNOWN},
    {"*", "house", 3 * USD, MONEY_UNKNOWN, MONEY_UNKNOWN, MONEY_UNKNOWN},
    {"*", "llama3.2:3b", USD, USD, MONEY_UNKNOWN, MONEY_UNKNOWN},
};

static struct settings settings_with(size_t n_overrides)
{
    return (struct settings){
        .prices = {.file = path, .overrides = overrides, .n_overrides = n_overrides}};
}

static int64_t input_price(const struct prices *p, const char *provider, const char *model)
{
    const struct prices_price *price = prices_find(p, str_from(provider), str_from(model));
    return price ? price->input : MONEY_UNKNOWN;
}

static void test_an_override_beats_the_file_and_a_name_beats_a_star(void **state)
{
    (void)state;
    write_file(list);
    struct settings s = settings_with(3);
    struct prices *p = NULL;
    char error[256] = "";
    CHECK_INT(prices_new(&s, &p, error, sizeof(error)), 0);
    CHECK_U64(prices_count(p), 6);
    CHECK_INT(input_price(p, "openai", "gpt-5"), 1250000000);
    CHECK_INT(input_price(p, "azure", "gpt-5"), USD);
    CHECK_INT(input_price(p, "other", "gpt-5"), 2 * USD);
    CHECK_INT(input_price(p, "other", "house"), 3 * USD);
    CHECK_INT(input_price(p, "ollama", "llama3.2:3b"), USD); /* a star here beats a name there */
    assert_null(prices_find(p, STR("openai"), STR("gpt-6")));
    assert_null(prices_find(p, STR("openai"), STR_EMPTY));
    prices_free(&p);
    unlink(path);
}

static void test_without_a_file_the_overrides_are_all(void **state)
{
    (void)state;
    struct settings s = settings_with(1);
    s.prices.file = "/nowhere/prices.yaml";
    struct prices *p = NULL;
    char error[256] = "";
    CHECK_INT(prices_new(&s, &p, error, sizeof(error)), 0);
    CHECK_U64(prices_count(p), 1);
    prices_free(&p);
    s.prices.n_overrides = 0;
    CHECK_INT(prices_new(&s, &p, error, sizeof(error)), 0);
    assert_null(prices_find(p, STR("azure"), STR("gpt-5")));
    prices_free(&p);
}

static void test_a_wrong_file_is_refused_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"prices:\n  - {provider: a, model: m}\n  - {provider: a, model: m}\n", ":3:"},
        {"prices:\n  - {provider: a, model: m, inptu: 1}\n", ":2:"},
        {"prices:\n  - {provider: a, model: m, input: -1}\n", ":2:"},
        {"prices:\n  - {provider: a, model: m, input: 1e3}\n", ":2:"},
        {"prices:\n  - {provider: a, input: 1}\n", ":2:"},
        {"price: []\n", ":1:"},
        {"[]\n", ":1:"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        write_file(cases[i].text);
        struct settings s = settings_with(0);
        struct prices *p = NULL;
        char error[256] = "";
        CHECK_INT(prices_new(&s, &p, error, sizeof(error)), 1);
        assert_non_null(strstr(error, cases[i].error));
        assert_non_null(strstr(error, path));
        unlink(path);
    }
}

static void test_a_pair_given_twice_is_refused(void **state)
{
    (void)state;
    struct settings_price twice[] = {overrides[0], overrides[0]};
    struct settings s = {.prices = {.file = "/nowhere", .overrides = twice, .n_overrides = 2}};
    struct prices *p = NULL;
    char error[256] = "";
    CHECK_INT(prices_new(&s, &p, error, sizeof(error)), 1);
    assert_non_null(strstr(error, "gpt-5 of azure"));
}

static void test_the_cost_is_exact(void **state)
{
    (void)state;
    const struct prices_price p = {1250000000, 10 * USD, 125000000, MONEY_UNKNOWN};
    static const struct {
        struct prices_tokens tokens;
        int64_t nano;
    } cases[] = {
        {{0, 0, 0, 0}, 0},
        {{1, 0, 0, 0}, 1250},
        {{0, 1, 0, 0}, 10000},
        {{1000, 500, 0, 0}, 1250000 + 5000000},
        {{1000, 0, 400, 0}, 600 * 1250 + 400 * 125},
        {{1000, 0, 0, 1000}, 1000 * 1250}, /* no price of its own: as other input */
        {{100, 0, 101, 0}, MONEY_UNKNOWN}, /* more cached than there is */
        {{-1, 0, 0, 0}, MONEY_UNKNOWN},
        {{0, -1, 0, 0}, MONEY_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        CHECK(prices_cost(&p, &cases[i].tokens) == cases[i].nano);
}

static void test_an_unknown_price_is_never_zero(void **state)
{
    (void)state;
    const struct prices_price half = {USD, MONEY_UNKNOWN, MONEY_UNKNOWN, MONEY_UNKNOWN};
    const struct prices_tokens in = {.input = 5}, both = {.input = 5, .output = 1};
    CHECK(prices_cost(NULL, &in) == MONEY_UNKNOWN);
    CHECK(prices_cost(&half, &both) == MONEY_UNKNOWN);
    CHECK_INT(prices_cost(&half, &in), 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_override_beats_the_file_and_a_name_beats_a_star),
        cmocka_unit_test(test_without_a_file_the_overrides_are_all),
        cmocka_unit_test(test_a_wrong_file_is_refused_with_its_line),
        cmocka_unit_test(test_a_pair_given_twice_is_refused),
        cmocka_unit_test(test_the_cost_is_exact),
        cmocka_unit_test(test_an_unknown_price_is_never_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
