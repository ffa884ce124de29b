#include "usage.h"

#include "books.h"

#define DAY (UINT64_C(86400) * USEC_PER_SEC)

static struct books books;
static struct usage *usage;

static int make(void **state)
{
    (void)state;
    if (books_make(&books) != 0 || books_open(&books, 1, 64) != 0)
        return -1;
    int r = ledger_start(books.ledger);
    return r ? r : usage_start(books.dir, &usage);
}

static int clear(void **state)
{
    (void)state;
    usage_stop(&usage);
    ledger_stop(&books.ledger);
    return books_remove(&books);
}

/* 2026-11-20 and the day after */
#define NOON (UINT64_C(1795132800) * USEC_PER_SEC + DAY / 2)

static void spend(const char *key, const char *model, usec_t at, int64_t tokens, int64_t nano)
{
    struct ledger_entry e = books_entry("r");
    e.key_id = str_from(key);
    e.model = str_from(model);
    e.provider = STR("openai");
    e.started_at = at;
    e.tokens_in = tokens;
    e.tokens_out = 1;
    e.cost_nano = nano;
    e.attempts = 1;
    e.status = LEDGER_SUCCESS;
    CHECK_INT(ledger_entry_settle(&e, ledger_spool(books.ledger, 0), NULL), SPOOL_OK);
}

static void on_done(struct usage_query *q)
{
    loop_stop(q->loop);
}

static void check_answer(unsigned by, usec_t since, const char *expected)
{
    struct usage_query q = {.by = by, .since = since, .loop = books.loop, .done = on_done};
    CHECK_INT(usage_submit(usage, &q), USAGE_OK);
    loop_run(books.loop);
    CHECK_INT(q.result, USAGE_OK);
    CHECK_TEXT(q.json.data, expected);
    buf_done(&q.json);
}

static void test_the_sums_are_by_what_was_asked(void **state)
{
    (void)state;
    spend("k_a", "small", NOON, 10, 1500000000);
    spend("k_a", "small", NOON + 1, 10, 1);
    spend("k_a", "smart", NOON + DAY, 5, MONEY_UNKNOWN);
    spend("k_b", "small", NOON + DAY, 7, 0);
    books_sync(&books);

    check_answer(USAGE_BY_KEY, 0,
                 "[{\"key\":\"k_a\",\"key_name\":null,\"model\":null,\"provider\":null,"
                 "\"day\":null,\"requests\":3,\"attempts\":3,\"tokens_in\":25,\"tokens_out\":3,"
                 "\"tokens_cached\":0,\"tokens_reasoning\":0,"
                 "\"cost_usd\":1.500000001,\"unpriced\":1},"
                 "{\"key\":\"k_b\",\"key_name\":null,\"model\":null,\"provider\":null,"
                 "\"day\":null,\"requests\":1,\"attempts\":1,\"tokens_in\":7,\"tokens_out\":1,"
                 "\"tokens_cached\":0,\"tokens_reasoning\":0,"
                 "\"cost_usd\":0.000000000,\"unpriced\":0}]");
    check_answer(USAGE_BY_DAY | USAGE_BY_MODEL, NOON + DAY / 2,
                 "[{\"key\":null,\"key_name\":null,\"model\":\"small\",\"provider\":null,"
                 "\"day\":\"2026-11-21\",\"requests\":1,\"attempts\":1,\"tokens_in\":7,\"tokens_"
                 "out\":1,\"tokens_cached\":0,\"tokens_reasoning\":0,"
                 "\"cost_usd\":0.000000000,\"unpriced\":0},"
                 "{\"key\":null,\"key_name\":null,\"model\":\"smart\",\"provider\":null,"
                 "\"day\":\"2026-11-21\",\"requests\":1,\"attempts\":1,\"tokens_in\":5,\"tokens_"
                 "out\":1,\"tokens_cached\":0,\"tokens_reasoning\":0,"
                 "\"cost_usd\":null,\"unpriced\":1}]");
    check_answer(USAGE_BY_PROVIDER, NOON + 2 * DAY, "[]");
    check_answer(USAGE_BY_PROVIDER, USEC_INFINITY, "[]");
}

static void test_part_of_an_hour_and_of_a_day_count_exactly(void **state)
{
    (void)state;
    usec_t hour = UINT64_C(3600) * USEC_PER_SEC;
    for (unsigned i = 0; i < 300; i++) { /* every ten minutes for two days */
        spend("k_a", "small", NOON + i * hour / 6, i, 1);
        if (i % 32 == 0)
            books_sync(&books);
    }
    books_sync(&books);
    for (unsigned first = 0; first < 300; first += 7) {
        struct usage_query q = {.by = USAGE_BY_KEY,
                                .since = NOON + first * hour / 6 - 1,
                                .loop = books.loop,
                                .done = on_done};
        char expected[64];
        snprintf(expected, sizeof(expected), "\"requests\":%u,", 300 - first);
        CHECK_INT(usage_submit(usage, &q), USAGE_OK);
        loop_run(books.loop);
        assert_non_null(strstr(q.json.data, expected));
        snprintf(expected, sizeof(expected), "\"tokens_in\":%u,",
                 300 * 299 / 2 - first * (first ? first - 1 : 0) / 2);
        assert_non_null(strstr(q.json.data, expected));
        buf_done(&q.json);
    }
}

static unsigned n_answers;

static void on_counted(struct usage_query *q)
{
    CHECK(q->result == USAGE_OK || q->result == USAGE_BUSY);
    buf_done(&q->json);
    if (--n_answers == 0)
        loop_stop(q->loop);
}

static void test_too_many_questions_at_once_are_refused(void **state)
{
    (void)state;
    static struct usage_query queries[1000];
    bool was_busy = false;
    n_answers = 1;
    for (size_t i = 0; i < 1000; i++) {
        queries[i] =
            (struct usage_query){.by = USAGE_BY_KEY, .loop = books.loop, .done = on_counted};
        if (usage_submit(usage, &queries[i]) == USAGE_OK)
            n_answers++;
        else
            was_busy = true;
    }
    CHECK(was_busy);
    if (--n_answers > 0)
        loop_run(books.loop);
    CHECK_U64(n_answers, 0);
}

static void test_the_words_of_by_are_a_closed_list(void **state)
{
    (void)state;
    unsigned by = 0;
    CHECK(usage_parse_by(STR("day,key"), &by));
    CHECK_U64(by, USAGE_BY_DAY | USAGE_BY_KEY);
    CHECK(usage_parse_by(STR("model,provider"), &by));
    CHECK_U64(by, USAGE_BY_MODEL | USAGE_BY_PROVIDER);
    CHECK(usage_parse_by(STR_EMPTY, &by));
    CHECK_U64(by, 15);
    CHECK(!usage_parse_by(STR("key,days"), &by));
    CHECK(!usage_parse_by(STR("1; DROP TABLE requests"), &by));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make, clear)
    const struct CMUnitTest tests[] = {
        TEST(test_the_sums_are_by_what_was_asked),
        TEST(test_part_of_an_hour_and_of_a_day_count_exactly),
        TEST(test_too_many_questions_at_once_are_refused),
        TEST(test_the_words_of_by_are_a_closed_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
