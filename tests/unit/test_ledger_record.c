#include "ledger_record.h"

#include "check.h"

#include <string.h>

static struct ledger_entry full_entry(void)
{
    struct ledger_entry e;
    ledger_entry_init(&e);
    e.id = 77;
    e.request_id = STR("req-1");
    e.key_id = STR("k_abc");
    e.api = STR("chat.completions");
    e.model = STR("smart");
    e.provider = STR("openai");
    e.backend = STR("cloud");
    e.error = STR("upstream_error");
    e.cache = STR("miss");
    e.complexity = STR("high");
    e.tags = STR("team-a,batch");
    e.started_at = 1000;
    e.duration = 20;
    e.ttft = 5;
    e.tokens_in = 10;
    e.tokens_out = 0;
    e.cost_nano = 12;
    e.http_status = 502;
    e.attempts = 2;
    e.status = LEDGER_TRUNCATED;
    e.usage_source = LEDGER_SOURCE_LOCAL;
    e.is_stream = true;
    return e;
}

static void test_an_entry_survives_the_slot(void **state)
{
    (void)state;
    _Alignas(8) unsigned char slot[SPOOL_MAX_PAYLOAD];
    struct ledger_entry e = full_entry();
    struct ledger_record r;
    CHECK(ledger_record_read(slot, ledger_record_write_entry(slot, &e), &r));
    CHECK_INT(r.kind, LEDGER_RECORD_ENTRY);
    CHECK_INT(r.entry.id, 77);
    CHECK_STR(r.entry.request_id, "req-1");
    CHECK_STR(r.entry.key_id, "k_abc");
    CHECK_STR(r.entry.api, "chat.completions");
    CHECK_STR(r.entry.model, "smart");
    CHECK_STR(r.entry.provider, "openai");
    CHECK_STR(r.entry.backend, "cloud");
    CHECK_STR(r.entry.error, "upstream_error");
    CHECK_STR(r.entry.cache, "miss");
    CHECK_STR(r.entry.complexity, "high");
    CHECK_STR(r.entry.tags, "team-a,batch");
    CHECK_U64(r.entry.started_at, 1000);
    CHECK_U64(r.entry.duration, 20);
    CHECK_U64(r.entry.ttft, 5);
    CHECK_INT(r.entry.tokens_in, 10);
    CHECK_INT(r.entry.tokens_out, 0);
    CHECK_INT(r.entry.tokens_cached, LEDGER_ENTRY_NO_COUNT);
    CHECK_INT(r.entry.cost_nano, 12);
    CHECK(r.entry.reserved_nano == MONEY_UNKNOWN);
    CHECK_INT(r.entry.http_status, 502);
    CHECK_INT(r.entry.attempts, 2);
    CHECK_INT(r.entry.status, LEDGER_TRUNCATED);
    CHECK_INT(r.entry.usage_source, LEDGER_SOURCE_LOCAL);
    CHECK(r.entry.is_stream);
}

static void test_an_attempt_survives_the_slot(void **state)
{
    (void)state;
    _Alignas(8) unsigned char slot[SPOOL_MAX_PAYLOAD];
    struct ledger_entry e = full_entry();
    struct ledger_attempt a;
    ledger_entry_init_attempt(&a);
    a.number = 3;
    a.provider = STR("azure");
    a.model = STR("gpt-5-2025");
    a.outcome = STR("http_5xx");
    a.http_status = 503;
    a.started_at = 9;
    a.duration = 8;
    a.tokens_in = 7;
    a.cost_nano = 6;
    struct ledger_record r;
    CHECK(ledger_record_read(slot, ledger_record_write_attempt(slot, &e, &a), &r));
    CHECK_INT(r.kind, LEDGER_RECORD_ATTEMPT);
    CHECK_INT(r.entry.id, 77);
    CHECK_STR(r.entry.request_id, "req-1");
    CHECK_INT(r.attempt.number, 3);
    CHECK_STR(r.attempt.provider, "azure");
    CHECK_STR(r.attempt.model, "gpt-5-2025");
    CHECK_STR(r.attempt.outcome, "http_5xx");
    CHECK_INT(r.attempt.http_status, 503);
    CHECK_U64(r.attempt.ttft, USEC_INFINITY);
    CHECK_INT(r.attempt.tokens_in, 7);
    CHECK_INT(r.attempt.tokens_out, LEDGER_ENTRY_NO_COUNT);
    CHECK_INT(r.attempt.cost_nano, 6);
}

static void test_the_longest_texts_are_cut_at_a_whole_character_and_fit(void **state)
{
    (void)state;
    static char long_text[600];
    memset(long_text, 'x', sizeof(long_text));
    memcpy(long_text + 63, "\xe2\x82\xac", 3); /* across the limit of a request id */
    struct str text = {long_text, sizeof(long_text)};
    struct ledger_entry e = full_entry();
    e.request_id = e.key_id = e.api = e.model = e.provider = e.backend = text;
    e.error = e.cache = e.complexity = e.tags = text;

    _Alignas(8) unsigned char slot[SPOOL_MAX_PAYLOAD];
    struct ledger_record r;
    size_t len = ledger_record_write_entry(slot, &e);
    CHECK(len <= SPOOL_MAX_PAYLOAD);
    CHECK(ledger_record_read(slot, len, &r));
    CHECK_U64(r.entry.request_id.len, 63);
    CHECK_U64(r.entry.tags.len, 88);

    struct ledger_attempt a;
    ledger_entry_init_attempt(&a);
    a.provider = a.model = a.outcome = text;
    len = ledger_record_write_attempt(slot, &e, &a);
    CHECK(len <= SPOOL_MAX_PAYLOAD);
    CHECK(ledger_record_read(slot, len, &r));
    CHECK_U64(r.attempt.model.len, 160);
}

/* As the only one of the entry. */
static struct ledger_attempt only_attempt(struct ledger_entry *e)
{
    struct ledger_attempt a;
    ledger_entry_init_attempt(&a);
    e->attempts = a.number = 1;
    a.provider = e->provider;
    a.model = STR("gpt-5-2025");
    a.outcome = STR("ok");
    a.started_at = 1004;
    a.duration = 15;
    a.ttft = 3;
    a.tokens_in = e->tokens_in;
    a.tokens_out = e->tokens_out;
    a.tokens_cached = e->tokens_cached;
    a.cost_nano = e->cost_nano;
    a.http_status = 200;
    return a;
}

static void test_an_entry_and_its_only_attempt_survive_in_one_slot(void **state)
{
    (void)state;
    _Alignas(8) unsigned char slot[SPOOL_MAX_PAYLOAD];
    struct ledger_entry e = full_entry();
    struct ledger_attempt a = only_attempt(&e);
    struct ledger_record r;
    size_t len = ledger_record_write_whole(slot, &e, &a);
    CHECK(ledger_record_read(slot, len, &r));
    CHECK_INT(r.kind, LEDGER_RECORD_WHOLE);
    CHECK_INT(r.entry.id, 77);
    CHECK_STR(r.entry.tags, "team-a,batch");
    CHECK_INT(r.entry.status, LEDGER_TRUNCATED);
    CHECK_INT(r.attempt.number, 1);
    CHECK_STR(r.attempt.provider, "openai");
    CHECK_STR(r.attempt.model, "gpt-5-2025");
    CHECK_STR(r.attempt.outcome, "ok");
    CHECK_U64(r.attempt.started_at, 1004);
    CHECK_U64(r.attempt.duration, 15);
    CHECK_U64(r.attempt.ttft, 3);
    CHECK_INT(r.attempt.tokens_in, 10);
    CHECK_INT(r.attempt.tokens_out, 0);
    CHECK_INT(r.attempt.tokens_cached, LEDGER_ENTRY_NO_COUNT);
    CHECK_INT(r.attempt.cost_nano, 12);
    CHECK_INT(r.attempt.http_status, 200);
}

static void test_an_attempt_that_its_entry_does_not_tell_of_is_not_put_with_it(void **state)
{
    (void)state;
    _Alignas(8) unsigned char slot[SPOOL_MAX_PAYLOAD];
    struct ledger_entry e = full_entry();
    struct ledger_attempt a = only_attempt(&e);
    CHECK(ledger_record_write_whole(slot, &e, &a) > 0);
    a.cost_nano++;
    CHECK_INT(ledger_record_write_whole(slot, &e, &a), 0);
    a = only_attempt(&e);
    a.provider = STR("azure");
    CHECK_INT(ledger_record_write_whole(slot, &e, &a), 0);
    a = only_attempt(&e);
    e.attempts = 2;
    CHECK_INT(ledger_record_write_whole(slot, &e, &a), 0);
}

static void test_an_attempt_for_which_there_is_no_room_is_not_put_with_its_entry(void **state)
{
    (void)state;
    static char long_text[SPOOL_MAX_PAYLOAD];
    memset(long_text, 'x', sizeof(long_text));
    _Alignas(8) unsigned char slot[SPOOL_MAX_PAYLOAD];
    struct ledger_entry e = full_entry();
    struct ledger_attempt a = only_attempt(&e);
    struct ledger_record r;
    size_t longest = 0;
    for (size_t n = 0; n < 300; n++) { /* of a model and tags together */
        a.model = (struct str){long_text, n < 160 ? n : 160};
        e.tags = (struct str){long_text, n < 160 ? 0 : n - 160};
        size_t len = ledger_record_write_whole(slot, &e, &a);
        CHECK(len <= sizeof(slot));
        CHECK(len == 0 || ledger_record_read(slot, len, &r));
        longest = len > longest ? len : longest;
    }
    CHECK(longest > 300);
    e.model = e.tags = e.error = (struct str){long_text, 88};
    CHECK_INT(ledger_record_write_whole(slot, &e, &a), 0);
}

static void test_a_record_cut_anywhere_is_no_record(void **state)
{
    (void)state;
    _Alignas(8) unsigned char slot[SPOOL_MAX_PAYLOAD];
    struct ledger_entry e = full_entry();
    struct ledger_attempt a = only_attempt(&e);
    struct ledger_record r;
    size_t len = ledger_record_write_whole(slot, &e, &a);
    for (size_t n = 0; n < len; n++)
        CHECK(!ledger_record_read(slot, n, &r));
    len = ledger_record_write_entry(slot, &e);
    for (size_t n = 0; n < len; n++)
        CHECK(!ledger_record_read(slot, n, &r));
    slot[0] = 9;
    CHECK(!ledger_record_read(slot, len, &r));
    slot[0] = LEDGER_RECORD_ENTRY;
    slot[1] = LEDGER_UNKNOWN + 1;
    CHECK(!ledger_record_read(slot, len, &r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_entry_survives_the_slot),
        cmocka_unit_test(test_an_attempt_survives_the_slot),
        cmocka_unit_test(test_the_longest_texts_are_cut_at_a_whole_character_and_fit),
        cmocka_unit_test(test_an_entry_and_its_only_attempt_survive_in_one_slot),
        cmocka_unit_test(test_an_attempt_that_its_entry_does_not_tell_of_is_not_put_with_it),
        cmocka_unit_test(test_an_attempt_for_which_there_is_no_room_is_not_put_with_its_entry),
        cmocka_unit_test(test_a_record_cut_anywhere_is_no_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
