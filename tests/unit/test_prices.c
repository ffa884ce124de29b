#include "prices.h"

#include "check.h"

#include <errno.h>
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

#define U MONEY_UNKNOWN

static struct settings_price overrides[] = {
    {"azure", "gpt-5", USD, 5 * USD, U, U, U, NULL, 0, NULL, NULL},
    {"*", "house", 3 * USD, U, U, U, U, NULL, 0, NULL, NULL},
    {"*", "llama3.2:3b", USD, USD, U, U, U, NULL, 0, NULL, NULL},
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
    s.paths.data = "/nowhere";
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

static void test_a_file_that_is_named_must_be_there(void **state)
{
    (void)state;
    struct settings s = settings_with(1);
    s.paths.data = "/usr/share/llm-proxy";
    s.prices.file = "/nowhere/prices.yaml";
    struct prices *p = NULL;
    char error[256] = "";
    CHECK_INT(prices_new(&s, &p, error, sizeof(error)), -ENOENT);
    CHECK_TEXT(error, "/nowhere/prices.yaml: No such file or directory");
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
        {"prices:\n  - {provider: a, model: m, tiers: [{input: 1}]}\n", ":2:"},
        {"prices:\n  - {provider: a, model: m, tiers: [{above: 0, input: 1}]}\n", ":2:"},
        {"prices:\n  - provider: a\n    model: m\n    tiers: [{above: 9}, {above: 9}]\n", ":4:33:"},
        {"prices:\n  - {provider: a, model: m, date: yesterday}\n", ":2:"},
        {"prices:\n  - {provider: a, model: m, input: 0.0000000001}\n", ":2:"},
        {"prices:\n  - {provider: a, model: m, input: 1}\n    - x\n", ":3:"},
        {"providers: [{name: a, hosts: ['a b']}]\n", ":1:"},
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

static void test_the_cost_is_exact(void **state)
{
    (void)state;
    const struct prices_price p = {1250000000, 10 * USD, 125000000, U, U, NULL, 0};
    static const struct {
        struct prices_tokens tokens;
        int64_t nano;
    } cases[] = {
        {{0, 0, 0, 0, 0}, 0},
        {{1, 0, 0, 0, 0}, 1250},
        {{0, 1, 0, 0, 0}, 10000},
        {{1000, 500, 0, 0, 0}, 1250000 + 5000000},
        {{1000, 0, 400, 0, 0}, 600 * 1250 + 400 * 125},
        {{1000, 0, 0, 1000, 0}, 1000 * 1250}, /* no price of its own: as other input */
        {{100, 0, 101, 0, 0}, MONEY_UNKNOWN}, /* more cached than there is */
        {{-1, 0, 0, 0, 0}, MONEY_UNKNOWN},
        {{0, -1, 0, 0, 0}, MONEY_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        CHECK(prices_cost(&p, &cases[i].tokens) == cases[i].nano);
}

/* Computed with Python's Decimal: the sum of tokens times dollars, rounded once, half up. */
static void test_tiers_and_reasoning_cost_what_decimal_says(void **state)
{
    (void)state;
    static const char text[] =
        "prices:\n"
        "  - {provider: p, model: m0, input: 3, output: 15, cache_read: 0.3, cache_write: 3.75,"
        " tiers: [{above: 200000, input: 6, output: 22.5, cache_read: 0.6, cache_write: 7.5}]}\n"
        "  - {provider: p, model: m1, input: 0.0375, output: 0.15, cache_read: 0.009375,"
        " tiers: [{above: 1000, input: 0.0751},"
        " {above: 128000, output: 0.3, cache_read: 0.000000001}]}\n"
        "  - {provider: p, model: m2, input: 2, output: 8, reasoning: 3,"
        " tiers: [{above: 1000, reasoning: 3.333333333}]}\n";
    static const struct {
        int model;
        struct prices_tokens tokens;
        int64_t nano;
    } cases[] = {
        {0, {999, 9494, 404, 49, 8779}, 144352950},
        {0, {128000, 66510, 76387, 3801, 28140}, 1178255850},
        {0, {1, 9156, 1, 0, 3943}, 137340300},
        {0, {200000, 16226, 111285, 7747, 15523}, 548730750},
        {0, {1048576, 51993, 129734, 605136, 3249}, INT64_C(7668438900)},
        {0, {0, 54937, 0, 0, 9453}, 824055000},
        {1, {1048576, 12770, 393994, 390487, 8974}, 28377825},
        {1, {200001, 26995, 15624, 162269, 16266}, 15012638},
        {1, {128001, 61027, 101872, 10293, 38375}, 19287938},
        {1, {128000, 23562, 39291, 32561, 22904}, 10564699},
        {1, {1, 45020, 1, 0, 29414}, 6753009},
        {1, {128000, 55272, 19920, 64089, 2569}, 16594358},
        {2, {200000, 44580, 150215, 20561, 22949}, 649544667},
        {2, {248564, 7952, 174103, 8519, 5989}, 532795333},
        {2, {1048576, 50566, 934576, 37302, 43820}, INT64_C(2297186667)},
        {2, {0, 22026, 0, 0, 20018}, 76118000},
        {2, {199999, 37674, 15454, 57201, 8476}, 661835333},
    };
    write_file(text);
    struct settings s = settings_with(0);
    struct prices *p = NULL;
    char error[256] = "";
    CHECK_INT(prices_new(&s, &p, error, sizeof(error)), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char model[] = {'m', (char)('0' + cases[i].model)};
        const struct prices_price *price =
            prices_find(p, STR("p"), (struct str){model, sizeof(model)});
        CHECK_INT(prices_cost(price, &cases[i].tokens), cases[i].nano);
    }
    prices_free(&p);
    unlink(path);
}

static void test_what_cannot_be_has_no_price(void **state)
{
    (void)state;
    const struct prices_price p = {USD, USD, U, U, USD, NULL, 0};
    static const struct prices_tokens cases[] = {
        {.output = 5, .reasoning = 6},
        {.output = 5, .reasoning = -1},
        {.input = 5, .cache_write = 6},
        {.input = INT64_MAX, .cache_read = INT64_MAX, .cache_write = INT64_MAX},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        CHECK(prices_cost(&p, &cases[i]) == MONEY_UNKNOWN);
    const struct prices_price dear = {INT64_C(999999999999999999), U, U, U, U, NULL, 0};
    const struct prices_tokens many = {.input = INT64_MAX};
    CHECK(prices_cost(&dear, &many) == INT64_MAX);
}

static void test_a_provider_of_another_name_goes_by_its_host(void **state)
{
    (void)state;
    write_file("providers:\n"
               "  - {name: openai, hosts: [api.openai.com]}\n"
               "  - {name: bedrock, hosts: [amazonaws.com]}\n"
               "prices:\n"
               "  - {provider: openai, model: gpt-5, input: 1}\n"
               "  - {provider: bedrock, model: nova, input: 2}\n"
               "  - {provider: named, model: other, input: 3}\n");
    static struct settings_provider providers[] = {
        {.name = "house", .base_url = "https://API.openai.com/v1"},
        {.name = "aws", .base_url = "https://bedrock-runtime.eu-west-1.amazonaws.com:443"},
        {.name = "evil", .base_url = "https://notapi.openai.com.example"},
        {.name = "glued", .base_url = "https://xamazonaws.com/"},
        {.name = "named", .base_url = "https://api.openai.com/v1"},
    };
    struct settings s = settings_with(0);
    s.providers = providers;
    s.n_providers = 5;
    struct prices *p = NULL;
    char error[256] = "";
    CHECK_INT(prices_new(&s, &p, error, sizeof(error)), 0);
    CHECK_INT(input_price(p, "house", "gpt-5"), USD);
    CHECK_INT(input_price(p, "openai", "gpt-5"), USD);
    CHECK_INT(input_price(p, "aws", "nova"), 2 * USD);
    assert_null(prices_find(p, STR("evil"), STR("gpt-5")));
    assert_null(prices_find(p, STR("glued"), STR("nova")));
    assert_null(prices_find(p, STR("named"), STR("gpt-5"))); /* it has prices of its own */
    prices_free(&p);
    unlink(path);
}

static void test_a_model_without_a_date_stands_for_all_its_dates(void **state)
{
    (void)state;
    write_file("prices:\n"
               "  - {provider: a, model: gpt-4o, input: 2}\n"
               "  - {provider: a, model: gpt-4o-2024-05-13, input: 5}\n");
    struct settings s = settings_with(0);
    struct prices *p = NULL;
    char error[256] = "";
    CHECK_INT(prices_new(&s, &p, error, sizeof(error)), 0);
    CHECK_INT(input_price(p, "a", "gpt-4o"), 2 * USD);
    CHECK_INT(input_price(p, "a", "gpt-4o-2024-08-06"), 2 * USD);
    CHECK_INT(input_price(p, "a", "gpt-4o-20240806"), 2 * USD);
    CHECK_INT(input_price(p, "a", "gpt-4o-latest"), 2 * USD);
    CHECK_INT(input_price(p, "a", "gpt-4o-2024-05-13"), 5 * USD);
    assert_null(prices_find(p, STR("a"), STR("gpt-4o-mini")));
    assert_null(prices_find(p, STR("a"), STR("gpt-4o-2024-8-06")));
    assert_null(prices_find(p, STR("a"), STR("-latest")));
    prices_free(&p);
    unlink(path);
}

static void test_the_list_that_is_installed_can_be_read(void **state)
{
    (void)state;
    struct settings s = settings_with(0);
    s.prices.file = "../../deploy/prices.yaml"; /* from the folder of the tests */
    struct prices *p = NULL;
    char error[256] = "";
    CHECK_INT(prices_new(&s, &p, error, sizeof(error)), 0);
    CHECK(prices_count(p) >= 80);
    const char *providers[64];
    size_t n_providers = 0;
    for (size_t i = 0; i < prices_count(p); i++) {
        const struct settings_price *row = prices_at(p, i, NULL);
        size_t k = 0;
        while (k < n_providers && strcmp(providers[k], row->provider) != 0)
            k++;
        if (k == n_providers)
            providers[n_providers++] = row->provider;
        CHECK(row->input != MONEY_UNKNOWN && row->source && row->date);
    }
    CHECK(n_providers >= 8);
    const struct prices_tokens t = {.input = 300000, .output = 1000, .cache_read = 100000};
    CHECK_INT(prices_cost(prices_find(p, STR("anthropic"), STR("claude-sonnet-4-5-20250929")), &t),
              200000 * 6000 + 100000 * 600 + 1000 * 22500);
    prices_free(&p);
}

static void test_an_unknown_price_is_never_zero(void **state)
{
    (void)state;
    const struct prices_price half = {USD, U, U, U, U, NULL, 0};
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
        cmocka_unit_test(test_a_file_that_is_named_must_be_there),
        cmocka_unit_test(test_a_wrong_file_is_refused_with_its_line),
        cmocka_unit_test(test_the_cost_is_exact),
        cmocka_unit_test(test_tiers_and_reasoning_cost_what_decimal_says),
        cmocka_unit_test(test_what_cannot_be_has_no_price),
        cmocka_unit_test(test_a_provider_of_another_name_goes_by_its_host),
        cmocka_unit_test(test_a_model_without_a_date_stands_for_all_its_dates),
        cmocka_unit_test(test_the_list_that_is_installed_can_be_read),
        cmocka_unit_test(test_an_unknown_price_is_never_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
