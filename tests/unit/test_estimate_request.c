/* The figures are those of gpt-tokenizer 4.0.0 for gpt-4o. */
#include "tokens/estimate.h"

#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_within_margin(uint64_t estimate, uint64_t truth)
{
    double difference = (double)truth - (double)estimate;

    return difference <= ESTIMATE_MARGIN * (double)estimate &&
           -difference <= ESTIMATE_MARGIN * (double)estimate;
}

static const struct json_value *parse(struct arena *a, const char *json)
{
    const struct json_value *v;
    size_t offset;

    arena_clear(a);
    CHECK_INT(json_parse(a, str_from(json), &v, &offset), JSON_OK);
    return v;
}

static int set_up(void **state)
{
    static struct arena a;

    arena_init(&a, 1 << 20);
    *state = &a;
    return 0;
}

static int tear_down(void **state)
{
    arena_done(*state);
    return 0;
}

struct request {
    const char *json;
    uint64_t truth;
};

static void chats_and_tools_stay_within_the_margin(void **state)
{
    static const struct request requests[] = {
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"What is the height of the highest "
         "mountain in Africa?\"}]}",
         18},
        {"{\"messages\":[{\"role\":\"system\",\"content\":\"Answer in one short "
         "sentence.\"},{\"role\":\"user\",\"name\":\"anna\",\"content\":\"Why is the sky "
         "blue?\"},{\"role\":\"assistant\",\"content\":\"Because air scatters blue light more than "
         "red light.\"},{\"role\":\"user\",\"content\":\"And at sunset?\"}]}",
         48},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"How warm is it in "
         "Oslo?\"}],\"functions\":[{\"name\":\"get_weather\",\"description\":\"Current weather of "
         "a "
         "city\",\"parameters\":{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\","
         "\"description\":\"Name of the "
         "city\"},\"unit\":{\"type\":\"string\",\"enum\":[\"celsius\",\"fahrenheit\"]}},"
         "\"required\":[\"city\"]}}]}",
         67},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"Book a table for four on Friday at "
         "seven.\"}],\"functions\":[{\"name\":\"book_table\",\"description\":\"Book a table in a "
         "restaurant\",\"parameters\":{\"type\":\"object\",\"properties\":{\"guests\":{\"type\":"
         "\"number\",\"description\":\"How many people "
         "come\"},\"day\":{\"type\":\"string\",\"description\":\"Day as year, month, "
         "day\"},\"time\":{\"type\":\"string\"},\"notes\":{\"type\":\"string\",\"description\":"
         "\"Anything the kitchen should "
         "know\"}},\"required\":[\"guests\",\"day\"]}},{\"name\":\"cancel_table\",\"description\":"
         "\"Cancel a "
         "booking\",\"parameters\":{\"type\":\"object\",\"properties\":{\"booking\":{\"type\":"
         "\"string\"}}}}]}",
         106},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"Was kostet ein Brief nach "
         "Österreich?\\n\\nBitte \\\"kurz\\\" antworten.\"}]}",
         22},
    };

    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        uint64_t estimate = estimate_request(parse(*state, requests[i].json));
        if (!is_within_margin(estimate, requests[i].truth))
            fail_msg("%lu estimated, %lu counted: %s", (unsigned long)estimate,
                     (unsigned long)requests[i].truth, requests[i].json);
    }
}

static uint64_t request(struct arena *a, const char *json)
{
    return estimate_request(parse(a, json));
}

static void a_message_costs_three_and_a_name_one(void **state)
{
    uint64_t none = request(*state, "{\"messages\":[]}");
    uint64_t one = request(*state, "{\"messages\":[{\"content\":\"\"}]}");
    uint64_t named = request(*state, "{\"messages\":[{\"content\":\"\",\"name\":\"\"}]}");

    CHECK_U64(none, 3);
    CHECK_U64(one, 6);
    CHECK_U64(named, 7);
    CHECK_U64(estimate_messages(parse(*state, "[{\"content\":\"\"},{\"content\":null}]")), 6);
    CHECK_U64(estimate_messages(NULL), 0);
}

static void what_the_model_never_sees_is_not_counted(void **state)
{
    CHECK_U64(request(*state,
                      "{\"messages\":[{\"role\":\"tool\",\"tool_call_id\":\"call_a8f9e2\","
                      "\"content\":\"42\"}],\"user\":\"u-1\",\"metadata\":{\"a\":\"b c d\"},"
                      "\"stop\":[\"x\"],\"model\":\"m\",\"temperature\":0.5}"),
              request(*state, "{\"messages\":[{\"role\":\"tool\",\"content\":\"42\"}]}"));
}

static void parts_count_like_the_text_they_hold(void **state)
{
    CHECK_U64(request(*state, "{\"messages\":[{\"role\":\"user\",\"content\":\"Good morning\"}]}"),
              request(*state, "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":"
                              "\"Good morning\"}]}]}"));
}

static void an_image_has_a_constant_price_however_long_its_spelling(void **state)
{
    static const char *const images[] = {
        "{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://example.com/cat.png\"}}",
        "{\"type\":\"input_image\",\"image_url\":\"data:image/png;base64,AAAAAAAAAAAAAAAAAAAA\"}",
        "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"data\":\"AAAAAAAAAAAAAAAAAAAAAA\"}}",
    };
    char json[500];

    for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++) {
        snprintf(json, sizeof(json), "[{\"content\":[%s]}]", images[i]);
        CHECK_U64(estimate_messages(parse(*state, json)), 3 + 765);
    }
    CHECK_U64(estimate_messages(parse(*state, "[{\"content\":[{\"image_url\":{\"url\":\"u\","
                                              "\"detail\":\"low\"}}]}]")),
              3 + 85);
}

static void sound_and_documents_are_not_counted_as_text(void **state)
{
    char json[20100] = "[{\"content\":[{\"input_audio\":{\"data\":\"";
    size_t n = strlen(json);

    memset(json + n, 'A', 20000);
    strcpy(json + n + 20000, "\"}}]}]");
    uint64_t tokens = estimate_messages(parse(*state, json));
    CHECK(tokens >= 20 && tokens <= 40);
}

static void every_kind_of_request_is_counted(void **state)
{
    uint64_t text = estimate_text(STR("The quick brown fox"));

    CHECK_U64(request(*state, "{\"input\":\"The quick brown fox\"}"), text);
    CHECK_U64(request(*state, "{\"prompt\":\"The quick brown fox\"}"), text);
    CHECK_U64(request(*state, "{\"input\":[1,2,3,4,5]}"), 5);
    CHECK_U64(request(*state, "{\"prompt\":[[1,2],[3]]}"), 3);
    CHECK(request(*state, "{\"input\":[\"The quick\",\"brown fox\"]}") >= text);
    CHECK(request(*state, "{\"system\":\"The quick brown fox\",\"messages\":[]}") >= text + 3);
    CHECK(request(*state, "{\"system\":[{\"type\":\"text\",\"text\":\"The quick brown fox\"}]}") >=
          text);
    CHECK(request(*state, "{\"instructions\":\"The quick brown fox\",\"input\":\"jumps over\"}") >
          text);
    CHECK(request(*state, "{\"messages\":[],\"tools\":[{\"name\":\"f\",\"input_schema\":{}}]}") >
          340);
    CHECK_U64(request(*state, "{\"messages\":[],\"tools\":[]}"), 3);
    CHECK_U64(request(*state, "{}"), 0);
    CHECK_U64(request(*state, "[]"), 0);
    CHECK_U64(request(*state, "{\"messages\":\"no array\",\"tools\":{},\"input\":null}"), 0);
}

static void features_add_up_to_the_estimate(void **state)
{
    static const char tools[] = "{\"messages\":[{\"content\":[{\"image_url\":{}}]}],"
                                "\"tools\":[{\"name\":\"f\",\"input_schema\":{}}]}";
    static const char *const requests[] = {
        "{\"messages\":[{\"role\":\"user\",\"content\":\"It costs 12.50,\\nok?\"}]}",
        "{\"messages\":[{\"content\":\"Größe Привет 日本語のテキスト 한국어 مرحبا Ελλάδα\"}]}",
        tools, "{}"};

    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        double features[ESTIMATE_FEATURES], sum = 0;
        const struct json_value *body = parse(*state, requests[i]);
        estimate_features(body, features);
        for (size_t k = 0; k < ESTIMATE_FEATURES; k++)
            sum += features[k];
        double whole = (double)estimate_request(body);
        CHECK(sum > whole - 1.0001 && sum < whole + 0.0001);
        CHECK((features[ESTIMATE_TOOLS] > 300) == (i == 2));
        CHECK((features[ESTIMATE_PICTURES] == 765) == (i == 2));
        CHECK((features[ESTIMATE_HANGUL] > 1) == (i == 1));
        CHECK((features[ESTIMATE_DIGITS] > 1) == (i == 0));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chats_and_tools_stay_within_the_margin),
        cmocka_unit_test(a_message_costs_three_and_a_name_one),
        cmocka_unit_test(what_the_model_never_sees_is_not_counted),
        cmocka_unit_test(parts_count_like_the_text_they_hold),
        cmocka_unit_test(an_image_has_a_constant_price_however_long_its_spelling),
        cmocka_unit_test(sound_and_documents_are_not_counted_as_text),
        cmocka_unit_test(every_kind_of_request_is_counted),
        cmocka_unit_test(features_add_up_to_the_estimate),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
