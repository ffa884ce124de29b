/* How far a request has to shrink, by what each provider says of its window. */
#include "window_words.h"

#include "check.h"

static void the_numbers_are_found_in_each_provider_s_words(void **state)
{
    static const struct {
        const char *message;
        uint64_t limit, actual;
    } cases[] = {
        {"This model's maximum context length is 8192 tokens. However, your messages resulted in "
         "10,000 tokens. Please reduce the length of the messages.",
         8192, 10000},
        {"This model's maximum context length is 8192 tokens. However, you requested 9000 tokens "
         "(8000 in the messages, 1000 in the completion).",
         8192, 9000},
        {"The decoder prompt (length 40000) is longer than the maximum model length of 32768.",
         32768, 40000},
        {"The input (9000 tokens) is longer than the model's context length (8192 tokens).", 8192,
         9000},
        {"request (9100 tokens) exceeds the available context size (8192 tokens), try increasing "
         "it",
         8192, 9100},
        {"This model's maximum prompt length is 131072 but the request contains 200000 tokens.",
         131072, 200000},
        {"`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens", 4096,
         5000},
        {"prompt is too long: 210000 tokens > 200000 maximum", 200000, 210000},
        {"input length and `max_tokens` exceed context limit: 190000 + 21333 > 200000, decrease "
         "input length",
         200000, 0},
        {"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
         1048576, 1200000},
        {"Input is too long for requested model.", 0, 0},
        {"the input length exceeds the context length", 0, 0},
        {"maximum context length is 12", 0, 0},
        {"maximum context length is 99999999999999999999999999 tokens", UINT64_MAX, 0},
        {"", 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct window_words w = window_words_read(str_from(cases[i].message));
        if (cases[i].limit == UINT64_MAX)
            CHECK(w.limit > UINT64_MAX / 1000); /* it does not wrap */
        else
            CHECK_U64(w.limit, cases[i].limit);
        CHECK_U64(w.actual, cases[i].actual);
    }
}

static uint64_t budget(uint64_t limit, uint64_t actual, uint64_t prompt, uint64_t output)
{
    const struct window_words w = {limit, actual};
    const struct window_fit fit = {prompt, output};

    return window_words_budget(&w, &fit);
}

static void a_count_that_differs_from_ours_is_translated(void **state)
{
    (void)state;
    /* they count twice as many: half of their room is ours */
    CHECK_U64(budget(8000, 20000, 10000, 0), (uint64_t)(6000 * 0.95 / 2));
    CHECK_U64(budget(8000, 10000, 10000, 1000), (uint64_t)(7000 * 0.95));
    CHECK_U64(budget(8000, 0, 10000, 1000), (uint64_t)(7000 * 0.75));
    CHECK_U64(budget(0, 0, 10000, 0), 6000);
}

static void the_answer_s_room_is_what_was_asked_for_or_a_quarter_at_most(void **state)
{
    (void)state;
    CHECK_U64(window_words_room(8000, 1000), 7000);
    CHECK_U64(window_words_room(8000, 9000), 0);
    CHECK_U64(window_words_room(8000, 0), 6000);
    CHECK_U64(window_words_room(40000, 0), 40000 - 4096);
}

static void it_always_shrinks(void **state)
{
    (void)state;
    for (uint64_t limit = 0; limit < 40000; limit += 1000)
        for (uint64_t actual = 0; actual < 60000; actual += 7000)
            CHECK(budget(limit, actual, 1000, 0) <= 900);
    CHECK_U64(budget(4096, 5000, 1000, 9000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_numbers_are_found_in_each_provider_s_words),
        cmocka_unit_test(a_count_that_differs_from_ours_is_translated),
        cmocka_unit_test(the_answer_s_room_is_what_was_asked_for_or_a_quarter_at_most),
        cmocka_unit_test(it_always_shrinks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
