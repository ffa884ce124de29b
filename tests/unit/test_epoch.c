/* When a conversation is condensed anew, and what of it stays as it is. */
#include "epoch.h"

#include "check.h"

#include <stdio.h>
#include <string.h>

struct scene {
    struct arena arena;
    const struct json_value *messages;
};

static void open_scene(struct scene *s, const char *messages)
{
    size_t at;

    arena_init(&s->arena, 1 << 20);
    CHECK_INT(json_parse(&s->arena, str_from(messages), &s->messages, &at), JSON_OK);
}

static void close_scene(struct scene *s)
{
    arena_done(&s->arena);
}

#define A "{\"role\":\"system\",\"content\":\"s\"}"
#define B "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"b\"}]}"
#define C "{\"role\":\"assistant\",\"content\":\"c\"}"
#define MARKED                                                                                     \
    "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"b\" , \"cache_control\": "      \
    "{\"type\":\"ephemeral\"}}]}"

static const struct epoch_situation usual = {
    .budget = 50000, .water = {40000, 20000}, .turns = 20, .grown = 38000, .write_price = 1.0};

static enum epoch_verdict decide(uint64_t tokens, struct epoch_situation s)
{
    s.tokens = tokens;
    return epoch_decide(&s);
}

static void it_begins_over_the_budget_and_never_below_the_mark(void **state)
{
    struct epoch_situation cold = usual, high = usual;

    (void)state;
    CHECK_INT(decide(40000, usual), EPOCH_GO_ON);
    CHECK_INT(decide(50001, usual), EPOCH_BEGIN);
    cold.is_cold = true;
    CHECK_INT(decide(40000, cold), EPOCH_GO_ON);
    CHECK_INT(decide(40001, cold), EPOCH_BEGIN);
    high.budget = 1000000;
    CHECK_INT(decide(50000, high), EPOCH_GO_ON);
    CHECK_INT(decide(50001, high), EPOCH_BEGIN); /* a quarter over the mark */
}

static void above_the_mark_it_waits_until_it_pays(void **state)
{
    struct epoch_situation slow = usual, dear = usual, first = usual;

    (void)state;
    CHECK_INT(decide(42000, usual), EPOCH_GO_ON);
    slow.turns = 100; /* many turns go by before the next one */
    CHECK_INT(decide(42000, slow), EPOCH_BEGIN);
    slow.write_price = 1.25;
    slow.turns = 70;
    dear = slow;
    dear.write_price = 1.0;
    CHECK_INT(decide(44000, dear), EPOCH_BEGIN);
    CHECK_INT(decide(42000, slow), EPOCH_GO_ON);
    first.turns = 0; /* nothing of it is in anybody's cache */
    CHECK_INT(decide(40001, first), EPOCH_BEGIN);
    dear.water.low = 41999; /* as good as nothing can be saved */
    CHECK_INT(decide(42000, dear), EPOCH_GO_ON);
}

static void a_message_is_known_without_its_cache_markers(void **state)
{
    struct scene plain, marked, other;
    struct epoch_chain a, b, c;

    (void)state;
    open_scene(&plain, "[" A "," B "," C "]");
    open_scene(&marked, "[" A "," MARKED "," C "]");
    open_scene(&other, "[" A "," C "," C "]");
    CHECK(epoch_chain_make(&plain.arena, plain.messages, &a));
    CHECK(epoch_chain_make(&marked.arena, marked.messages, &b));
    CHECK(epoch_chain_make(&other.arena, other.messages, &c));
    CHECK(a.n == 3 && b.n == 3);
    CHECK(memcmp(a.digests[0], c.digests[0], DIGEST_SIZE) == 0);
    CHECK(memcmp(a.digests[1], c.digests[1], DIGEST_SIZE) != 0);
    CHECK(memcmp(a.digests[2], c.digests[2], DIGEST_SIZE) != 0); /* all that came before counts */
    CHECK(memcmp(a.marks[2], a.digests[2], DIGEST_SIZE) == 0);
    CHECK(memcmp(a.marks[0], b.marks[0], DIGEST_SIZE) == 0);
    CHECK(memcmp(a.marks[2], b.marks[2], DIGEST_SIZE) != 0);
    close_scene(&plain);
    close_scene(&marked);
    close_scene(&other);
}

static void only_markers_are_taken_out(void **state)
{
    static const char *const cases[][2] = {
        {A, A},
        {MARKED "," A, "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"b\" }]}," A},
        {"{\"cache_control\":{\"type\":\"ephemeral\"}, \"role\":\"user\",\"content\":\"x\"}",
         "{\"role\":\"user\",\"content\":\"x\"}"},
        {"{\"role\":\"user\",\"content\":[{\"cache_control\":{}}]}",
         "{\"role\":\"user\",\"content\":[{}]}"},
        {"{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"content\":[{\"text\":\"x\","
         "\"cache_control\":{}}],\"cache_control\":{}}]}",
         "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"content\":[{\"text\":\"x\""
         "}]}]}"},
        /* what a tool is called with is not ours to change */
        {"{\"role\":\"assistant\",\"content\":[{\"input\":{\"cache_control\":1}}]}",
         "{\"role\":\"assistant\",\"content\":[{\"input\":{\"cache_control\":1}}]}"},
        {"{\"role\":\"user\",\"content\":\"a \\\"cache_control\\\" text\"}",
         "{\"role\":\"user\",\"content\":\"a \\\"cache_control\\\" text\"}"},
    };
    struct arena a;

    (void)state;
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct str plain = epoch_unmark(&a, str_from(cases[i][0]));
        CHECK(str_is(plain, cases[i][1]));
    }
    arena_done(&a);
}

static void what_is_condensed_is_cut_where_the_caller_s_own_messages_begin(void **state)
{
    struct epoch_split split;
    struct scene s;

    (void)state;
    open_scene(&s, "[" A " , " B "," C "," B "," C "]");
    CHECK(
        epoch_split_make(&s.arena, s.messages, STR("[" A ",{\"stub\":1}," B "," C "]"), 0, &split));
    CHECK_U64(split.n_source, 3);
    CHECK_STR(split.frozen, A ",{\"stub\":1}");
    CHECK_STR(epoch_join(&s.arena, split.frozen, s.messages, split.n_source),
              "[" A ",{\"stub\":1}," B "," C "]");

    /* no later than it is told, and never nothing at all */
    CHECK(
        epoch_split_make(&s.arena, s.messages, STR("[" A ",{\"stub\":1}," B "," C "]"), 4, &split));
    CHECK_U64(split.n_source, 4);
    CHECK_STR(split.frozen, A ",{\"stub\":1}," B);
    CHECK(epoch_split_make(&s.arena, s.messages, STR("[" C "]"), 0, &split));
    CHECK_U64(split.n_source, 5);
    CHECK_STR(split.frozen, C);
    close_scene(&s);
}

static void a_later_turn_begins_with_the_bytes_of_an_earlier_one(void **state)
{
    struct scene s, t;
    struct str before, after;

    (void)state;
    open_scene(&s, "[" A "," B "," C "]");
    open_scene(&t, "[ " A " ,\n" B "," C "," B "]");
    before = epoch_join(&s.arena, STR("{\"frozen\":1}"), s.messages, 1);
    after = epoch_join(&t.arena, STR("{\"frozen\":1}"), t.messages, 1);
    CHECK_STR(before, "[{\"frozen\":1}," B "," C "]");
    CHECK(after.len > before.len && memcmp(before.data, after.data, before.len - 1) == 0);
    close_scene(&s);
    close_scene(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_begins_over_the_budget_and_never_below_the_mark),
        cmocka_unit_test(above_the_mark_it_waits_until_it_pays),
        cmocka_unit_test(a_message_is_known_without_its_cache_markers),
        cmocka_unit_test(only_markers_are_taken_out),
        cmocka_unit_test(what_is_condensed_is_cut_where_the_caller_s_own_messages_begin),
        cmocka_unit_test(a_later_turn_begins_with_the_bytes_of_an_earlier_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
