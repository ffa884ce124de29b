/* The very same question gets the very same answer, for a while. */
#include "repeat.h"

#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct repeat_question ask(const char *request, const char *messages)
{
    return (struct repeat_question){
        .is_bus = true, .request = str_from(request), .messages = str_from(messages)};
}

static void keep(struct repeat *r, struct repeat_question q, const char *text, usec_t now)
{
    const struct repeat_answer a = {.text = str_from(text), .messages = STR("[]"), .mode = "mask"};

    repeat_keep(r, &q, &a, now);
}

static const struct repeat_answer *find(struct repeat *r, struct repeat_question q, usec_t now)
{
    return repeat_find(r, &q, now);
}

static void only_the_same_bytes_are_the_same_question(void **state)
{
    CLEANUP(repeat_free) struct repeat *r = repeat_new();
    struct repeat_question other = ask("a", "[1]");

    (void)state;
    keep(r, ask("a", "[1]"), "one", 1);
    keep(r, ask("b", "[1]"), "two", 1);
    CHECK_U64(repeat_entries(r), 2);
    CHECK_STR(find(r, ask("a", "[1]"), 2)->text, "one");
    CHECK_STR(find(r, ask("b", "[1]"), 2)->text, "two");
    CHECK_TEXT(find(r, ask("b", "[1]"), 2)->mode, "mask");
    CHECK(find(r, ask("a", "[2]"), 2) == NULL);
    CHECK(find(r, ask("c", "[1]"), 2) == NULL);
    other.is_bus = false;
    CHECK(find(r, other, 2) == NULL);
}

static void it_is_forgotten_in_time(void **state)
{
    CLEANUP(repeat_free) struct repeat *r = repeat_new();

    (void)state;
    keep(r, ask("a", ""), "one", 1);
    CHECK(find(r, ask("a", ""), 1 + REPEAT_LIFE) != NULL);
    CHECK(find(r, ask("a", ""), 2 + REPEAT_LIFE) == NULL);
    CHECK_U64(repeat_entries(r), 0);
    keep(r, ask("a", ""), "one", 1);
    repeat_clear(r);
    CHECK(find(r, ask("a", ""), 1) == NULL);
}

static void there_are_so_many_and_the_one_used_longest_ago_goes(void **state)
{
    CLEANUP(repeat_free) struct repeat *r = repeat_new();
    char name[16];

    (void)state;
    for (usec_t i = 0; i <= REPEAT_MAX_ENTRIES; i++) {
        snprintf(name, sizeof(name), "%llu", (unsigned long long)i);
        keep(r, ask(name, ""), "x", i);
        CHECK(find(r, ask("0", ""), i) != NULL);
    }
    CHECK_U64(repeat_entries(r), REPEAT_MAX_ENTRIES);
    CHECK(find(r, ask("1", ""), 0) == NULL);
    CHECK(find(r, ask("2", ""), 0) != NULL);
}

static void there_are_so_many_bytes(void **state)
{
    CLEANUP(repeat_free) struct repeat *r = repeat_new();
    size_t len = REPEAT_MAX_BYTES / 4 - 100;
    char *large = malloc(REPEAT_MAX_BYTES / 4 + 1);

    (void)state;
    memset(large, 'x', len);
    for (usec_t i = 0; i < 6; i++) {
        large[0] = (char)('a' + i);
        keep(r, (struct repeat_question){.messages = {large, len}}, "x", i);
    }
    CHECK_U64(repeat_entries(r), 4);
    memset(large, 'y', REPEAT_MAX_BYTES / 4 + 1);
    keep(r, (struct repeat_question){.messages = {large, REPEAT_MAX_BYTES / 4 + 1}}, "x", 9);
    CHECK_U64(repeat_entries(r), 4);
    free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_same_bytes_are_the_same_question),
        cmocka_unit_test(it_is_forgotten_in_time),
        cmocka_unit_test(there_are_so_many_and_the_one_used_longest_ago_goes),
        cmocka_unit_test(there_are_so_many_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
