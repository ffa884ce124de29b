#include "check.h"
#include "counting/imported.h"
#include "counting/tables.h"
#include "toy_vocab.h"

#include <stdio.h>
#include <unistd.h>

struct fixture {
    char folder[64];
    struct tables *tables;
};

static void path_of(const struct fixture *f, const char *name, char *ret, size_t size)
{
    snprintf(ret, size, "%s/%s", f->folder, name);
}

static void take_away(const struct fixture *f, const char *name)
{
    char path[256];

    path_of(f, name, path, sizeof(path));
    (void)unlink(path);
}

/* A file is replaced, as whoever installs one does: what is mapped stays. */
static void put(const struct fixture *f, const char *name, struct str bytes)
{
    char path[256];
    path_of(f, name, path, sizeof(path));
    take_away(f, name);
    FILE *file = fopen(path, "we");

    CHECK(file && fwrite(bytes.data, 1, bytes.len, file) == bytes.len && fclose(file) == 0);
}

static void put_table(const struct fixture *f, const char *name, enum pretoken_family family)
{
    struct vocab v;
    struct buf table;

    toy_make(&v, &table, family);
    put(f, name, buf_str(&table));
    buf_done(&table);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    strcpy(f->folder, "/tmp/test-tables-XXXXXX");
    CHECK(mkdtemp(f->folder) != NULL);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"house.table", "house.models", "o200k_base.table",
                                        "o200k_base.models"};
    struct fixture *f = *state;

    tables_free(&f->tables);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        take_away(f, names[i]);
    rmdir(f->folder);
    free(f);
    return 0;
}

static struct count count_for(struct tables *t, const char *model)
{
    const struct counting_rule *rule = tables_rule(t, str_from(model));
    struct counter *c = tables_lend(t, rule);
    struct count ret;

    counter_describe(c, counter_text(c, STR("abcab the thing")), &ret);
    tables_take_back(t, &c);
    return ret;
}

static void test_an_imported_table_counts_for_the_models_it_names(void **state)
{
    struct fixture *f = *state;

    put_table(f, "house.table", PRETOKEN_QWEN2);
    put(f, "house.models", STR("qwen3*\n\n Qwen/* \n"));
    f->tables = tables_new(f->folder, 64);
    CHECK(count_for(f->tables, "qwen3-8b").exact);
    CHECK(count_for(f->tables, "QWEN/Qwen3").exact);
    CHECK(!count_for(f->tables, "qwen2.5").exact);
    CHECK(!count_for(f->tables, "gpt-4o").exact);
    CHECK(tables_can_count(f->tables, tables_rule(f->tables, STR("qwen3"))));
    CHECK(!tables_can_count(f->tables, tables_rule(f->tables, STR("gpt-4o"))));
}

static void test_a_list_beside_a_published_table_adds_models_to_it(void **state)
{
    struct fixture *f = *state;

    put_table(f, "o200k_base.table", PRETOKEN_O200K);
    put(f, "o200k_base.models", STR("our-deployment"));
    f->tables = tables_new(f->folder, 64);
    CHECK(count_for(f->tables, "our-deployment").exact);
    CHECK(count_for(f->tables, "gpt-4o").exact);
}

static void test_a_reload_finds_what_came_and_misses_what_went(void **state)
{
    struct fixture *f = *state;
    char missing[64];

    f->tables = tables_new(f->folder, 64);
    CHECK(tables_are_missing(f->tables, missing, sizeof(missing)));
    CHECK_TEXT(missing, " o200k_base cl100k_base");
    CHECK(!count_for(f->tables, "house-1").exact);
    put_table(f, "house.table", PRETOKEN_GPT2);
    put_table(f, "o200k_base.table", PRETOKEN_O200K);
    put(f, "house.models", STR("house-?"));
    tables_reload(f->tables, f->folder);
    CHECK(count_for(f->tables, "house-1").exact);
    CHECK(count_for(f->tables, "gpt-4o").exact);
    CHECK(tables_are_missing(f->tables, missing, sizeof(missing)));
    CHECK_TEXT(missing, " cl100k_base");
    take_away(f, "house.table");
    put(f, "o200k_base.table", STR("not a table"));
    tables_reload(f->tables, f->folder);
    CHECK(!count_for(f->tables, "house-1").exact);
    CHECK(!count_for(f->tables, "gpt-4o").exact);
}

static void test_a_lent_counter_outlives_the_table_it_came_with(void **state)
{
    struct fixture *f = *state;
    const struct counting_rule *rule;
    struct counter *lent, *other;
    uint64_t n;

    put_table(f, "house.table", PRETOKEN_GPT2);
    put(f, "house.models", STR("house"));
    f->tables = tables_new(f->folder, 64);
    rule = tables_rule(f->tables, STR("house"));
    lent = tables_lend(f->tables, rule);
    n = counter_text(lent, STR("the ing 123"));
    take_away(f, "house.table");
    put_table(f, "house.table", PRETOKEN_QWEN2);
    tables_reload(f->tables, f->folder);
    tables_reload(f->tables, f->folder);
    CHECK_U64(counter_text(lent, STR("the ing 123")), n);
    other = tables_lend(f->tables, rule);
    CHECK(other != lent && other->encode != lent->encode);
    CHECK_U64(counter_text(other, STR("the ing 123")), n);
    tables_take_back(f->tables, &lent);
    tables_take_back(f->tables, &other);
    CHECK(tables_rule(f->tables, STR("house")) == rule);
}

/* A table ends a piece behind 't, the other does not. */
static uint64_t count_message(struct counter *c, const char *word)
{
    char json[512];
    const struct json_value *message;
    struct arena a;
    size_t at, len = (size_t)snprintf(json, sizeof(json), "{\"role\":\"user\",\"content\":\"");

    for (int i = 0; i < 40; i++)
        len += (size_t)snprintf(json + len, sizeof(json) - len, "%s'the ", word);
    len += (size_t)snprintf(json + len, sizeof(json) - len, "\"}");
    arena_init(&a, 1 << 20);
    CHECK_INT(json_parse(&a, (struct str){json, len}, &message, &at), JSON_OK);
    uint64_t n = counter_message(c, message);
    arena_done(&a);
    return n;
}

static void test_what_one_table_counted_is_not_remembered_for_another(void **state)
{
    struct fixture *f = *state;
    const struct counting_rule *rule;
    struct counter *lent, *other;

    put_table(f, "house.table", PRETOKEN_GPT2);
    put(f, "house.models", STR("house"));
    f->tables = tables_new(f->folder, 64);
    rule = tables_rule(f->tables, STR("house"));
    lent = tables_lend(f->tables, rule);
    uint64_t before = count_message(lent, "in");
    put_table(f, "house.table", PRETOKEN_TEKKEN);
    tables_reload(f->tables, f->folder);
    other = tables_lend(f->tables, rule);
    CHECK(count_message(other, "in") < before);
    CHECK_U64(count_message(lent, "ab"), before); /* and keeps it, after the reload */
    CHECK_U64(count_message(other, "ab"), count_message(other, "in"));
    CHECK(tables_memory(f->tables).hits > 0);
    tables_take_back(f->tables, &lent);
    tables_take_back(f->tables, &other);
}

static void test_a_counter_that_comes_back_is_lent_again(void **state)
{
    struct fixture *f = *state;
    const struct counting_rule *rule;
    struct counter *c, *first;

    put_table(f, "o200k_base.table", PRETOKEN_O200K);
    f->tables = tables_new(f->folder, 64);
    rule = tables_rule(f->tables, STR("gpt-4o"));
    c = first = tables_lend(f->tables, rule);
    tables_take_back(f->tables, &c);
    tables_reload(f->tables, f->folder); /* the same file: what was learnt stays */
    c = tables_lend(f->tables, rule);
    CHECK(c == first);
    tables_take_back(f->tables, &c);
}

static void test_patterns_are_those_of_a_shell(void **state)
{
    (void)state;
    CHECK(imported_is_for("llama-3*\n", STR("Llama-3.1-8B")));
    CHECK(imported_is_for("a\nb?c", STR("bxc")));
    CHECK(!imported_is_for("a\n", STR("ab")));
    CHECK(!imported_is_for("\n \n", STR("")));
    CHECK(!imported_is_for("", STR("a")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_an_imported_table_counts_for_the_models_it_names,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_list_beside_a_published_table_adds_models_to_it,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_reload_finds_what_came_and_misses_what_went, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_lent_counter_outlives_the_table_it_came_with, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_what_one_table_counted_is_not_remembered_for_another,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_counter_that_comes_back_is_lent_again, set_up,
                                        tear_down),
        cmocka_unit_test(test_patterns_are_those_of_a_shell),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
