#include "price_import.h"

#include "base/money.h"
#include "price_file.h"

#include "check.h"

#include <stdio.h>
#include <string.h>

static void test_decimals_are_taken_over_exactly(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int scale;
        int64_t value; /* -1: refused */
    } cases[] = {
        {"1.5e-07", 15, 150000000},
        {"0.00000015", 15, 150000000},
        {"1.5E-7", 15, 150000000},
        {"1.5000000000000002e-07", 15, 150000000},
        {"0", 15, 0},
        {"0e999", 15, 0},
        {"2", 9, 2000000000},
        {"0.25", 9, 250000000},
        {"0.0000000004", 9, 0},
        {"0.0000000005", 9, 1},
        {"0.00000000149", 9, 1},
        {"999999999.999999999", 9, INT64_C(999999999999999999)},
        {"1000000000", 9, -1},
        {"1e400", 9, -1},
        {"1e-400", 9, 0},
        {"1e99999", 9, -1},
        {"-1", 9, -1},
        {"+1", 9, -1},
        {".5", 9, -1},
        {"5.", 9, -1},
        {"1e", 9, -1},
        {"", 9, -1},
        {"0x1", 9, -1},
        {"1 ", 9, -1},
        {"000000000000000000000000000001", 9, 1000000000},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int64_t value = -1;
        bool is_good = price_import_row_number(str_from(cases[i].text), cases[i].scale, &value);
        CHECK_INT(is_good ? value : -1, cases[i].value);
    }
}

static char skipped[1024];

static void on_skip(void *arg, struct str provider, struct str model, const char *why)
{
    (void)arg;
    size_t len = strlen(skipped);
    snprintf(skipped + len, sizeof(skipped) - len, "%.*s/%.*s: %s\n", STR_ARG(provider),
             STR_ARG(model), why);
}

static enum price_import_result import(const char *json, const char *providers, struct buf *out)
{
    struct price_import p = {.text = str_from(json),
                             .providers = str_from(providers),
                             .date = STR("2026-11-21"),
                             .on_skip = on_skip};
    skipped[0] = '\0';
    buf_init(out, 1 << 20);
    return price_import_write(&p, out);
}

static void check_import(const char *json, const char *expected, const char *expected_skipped)
{
    CLEANUP(buf_done) struct buf out;
    CHECK_INT(import(json, "", &out), PRICE_IMPORT_OK);
    CHECK_TEXT(out.data, expected);
    CHECK_TEXT(skipped, expected_skipped);

    struct price_file file;
    char error[256] = "";
    CHECK_INT(price_file_parse("out", buf_str(&out), &file, error, sizeof(error)), 0);
    price_file_done(&file);
}

static void test_litellms_list_becomes_rows(void **state)
{
    (void)state;
    check_import(
        "{\"sample_spec\": {\"litellm_provider\": \"one of many\", \"input_cost_per_token\": 0},"
        "\"gpt-x\": {\"litellm_provider\": \"openai\", \"mode\": \"chat\","
        " \"input_cost_per_token\": 1.25e-06, \"output_cost_per_token\": 1e-05,"
        " \"cache_read_input_token_cost\": 1.25e-07, \"output_cost_per_reasoning_token\": null,"
        " \"input_cost_per_token_batches\": 1, \"input_cost_per_token_above_1h\": 5},"
        "\"gemini/g-pro\": {\"litellm_provider\": \"gemini\", \"input_cost_per_token\": 2e-6,"
        " \"input_cost_per_token_above_200k_tokens\": 4e-6,"
        " \"output_cost_per_token_above_200k_tokens\": 1.8e-05,"
        " \"output_cost_per_token_above_128k_tokens\": 1.2e-05, \"output_cost_per_token\": 1e-05,"
        " \"output_cost_per_reasoning_token\": 1e-5},"
        "\"gemini/gemini/g-pro\": {\"litellm_provider\": \"gemini\", \"input_cost_per_token\": 1},"
        "\"openai/gpt-x\": {\"litellm_provider\": \"openai\", \"input_cost_per_token\": 9e-6},"
        "\"an image\": {\"litellm_provider\": \"openai\", \"output_cost_per_image\": 0.04},"
        "\"text\": {\"litellm_provider\": \"openai\", \"input_cost_per_token\": \"0.1\"},"
        "\"negative\": {\"litellm_provider\": \"openai\", \"input_cost_per_token\": -1},"
        "\"o'clock\": {\"litellm_provider\": \"a b\", \"input_cost_per_token\": 1},"
        "\"it's\": {\"litellm_provider\": \"c\", \"input_cost_per_token\": 0},"
        "\"nobody's\": {}}",
        "prices:\n"
        "  - {provider: 'openai', model: 'gpt-x', input: 1.25, output: 10, cache_read: 0.125,"
        " source: 'LiteLLM', date: '2026-11-21'}\n"
        "  - {provider: 'gemini', model: 'g-pro', input: 2, output: 10,"
        " tiers: [{above: 128000, output: 12}, {above: 200000, input: 4, output: 18}],"
        " source: 'LiteLLM', date: '2026-11-21'}\n"
        "  - {provider: 'gemini', model: 'gemini/g-pro', input: 1000000,"
        " source: 'LiteLLM', date: '2026-11-21'}\n"
        "  - {provider: 'c', model: 'it''s', input: 0, source: 'LiteLLM', date: '2026-11-21'}\n"
        "providers:\n"
        "  - {name: openai, hosts: [api.openai.com]}\n"
        "  - {name: gemini, hosts: [generativelanguage.googleapis.com]}\n",
        "openai/gpt-x: it is there already\n"
        "openai/an image: it has no price per token of the prompt\n"
        "openai/text: a figure is no number, or out of range\n"
        "openai/negative: a figure is no number, or out of range\n"
        "a b/o'clock: a provider of that name cannot be configured\n"
        "/nobody's: it names no provider\n");
}

static void test_genai_prices_list_becomes_rows(void **state)
{
    (void)state;
    check_import(
        "[{\"id\": \"anthropic\", \"models\": ["
        "{\"id\": \"s\", \"prices\": {\"input_mtok\": {\"base\": 3, \"tiers\": "
        "[{\"start\": 200000, \"price\": 6}]}, \"output_mtok\": 15, \"web_searches_kcount\": 10}},"
        "{\"id\": \"dated\", \"prices\": [{\"prices\": {\"input_mtok\": 1}},"
        " {\"constraint\": {\"start_date\": \"2026-09-01\"}, \"prices\": {\"input_mtok\": 2}},"
        " {\"constraint\": {\"start_date\": \"2027-01-01\"}, \"prices\": {\"input_mtok\": 4}}]},"
        "{\"id\": \"night\", \"prices\": [{\"prices\": {\"input_mtok\": 1}},"
        " {\"constraint\": {\"start_time\": \"00:30\"}, \"prices\": {\"input_mtok\": 2}}]},"
        "{\"id\": \"fee\", \"prices\": {\"input_mtok\": 1, \"requests_kcount\": 5}},"
        "{\"id\": \"none\", \"prices\": {}}, {\"id\": \"odd\", \"prices\": 7}]},"
        "{\"id\": 5, \"models\": []}, 7]",
        "prices:\n"
        "  - {provider: 'anthropic', model: 's', input: 3, output: 15,"
        " tiers: [{above: 200000, input: 6}], source: 'genai-prices', date: '2026-11-21'}\n"
        "  - {provider: 'anthropic', model: 'dated', input: 2, source: 'genai-prices',"
        " date: '2026-09-01'}\n"
        "providers:\n"
        "  - {name: anthropic, hosts: [api.anthropic.com]}\n",
        "anthropic/night: its price depends on the time of day\n"
        "anthropic/fee: it costs a fee per request\n"
        "anthropic/none: it has no price per token of the prompt\n"
        "anthropic/odd: it has no prices\n");
}

static void test_only_the_providers_asked_for_are_taken(void **state)
{
    (void)state;
    static const char json[] = "{\"a\": {\"litellm_provider\": \"x\", \"input_cost_per_token\": 1},"
                               "\"b\": {\"litellm_provider\": \"y\", \"input_cost_per_token\": 1},"
                               "\"c\": {\"litellm_provider\": \"z\"}}";
    CLEANUP(buf_done) struct buf out;
    CHECK_INT(import(json, "y,w", &out), PRICE_IMPORT_OK);
    CHECK_TEXT(out.data, "prices:\n  - {provider: 'y', model: 'b', input: 1000000,"
                         " source: 'LiteLLM', date: '2026-11-21'}\n");
    CHECK_TEXT(skipped, "");
}

static void test_what_is_no_list_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum price_import_result result;
    } cases[] = {
        {"", PRICE_IMPORT_NO_JSON},
        {"{\"a\": {}", PRICE_IMPORT_NO_JSON},
        {"{\"a\": {}, \"a\": {}}", PRICE_IMPORT_NO_JSON},
        {"7", PRICE_IMPORT_NO_PRICES},
        {"[]", PRICE_IMPORT_NO_PRICES},
        {"{}", PRICE_IMPORT_NO_PRICES},
        {"{\"a\": {\"litellm_provider\": \"x\"}}", PRICE_IMPORT_NO_PRICES},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        CLEANUP(buf_done) struct buf out;
        CHECK_INT(import(cases[i].text, "", &out), cases[i].result);
    }
}

static void test_more_than_a_price_file_holds_is_refused(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf json;
    buf_init(&json, 4 << 20);
    CHECK_INT(buf_printf(&json, "{"), BUF_OK);
    for (unsigned i = 0; i < 20000; i++)
        CHECK_INT(buf_printf(&json,
                             "%s\"m%u\": {\"litellm_provider\": \"x\","
                             " \"input_cost_per_token\": 1}",
                             i ? "," : "", i),
                  BUF_OK);
    CHECK_INT(buf_printf(&json, "}"), BUF_OK);
    CLEANUP(buf_done) struct buf out;
    CHECK_INT(import(json.data, "", &out), PRICE_IMPORT_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decimals_are_taken_over_exactly),
        cmocka_unit_test(test_litellms_list_becomes_rows),
        cmocka_unit_test(test_genai_prices_list_becomes_rows),
        cmocka_unit_test(test_only_the_providers_asked_for_are_taken),
        cmocka_unit_test(test_what_is_no_list_is_refused),
        cmocka_unit_test(test_more_than_a_price_file_holds_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
