#include "io/yaml_tree.h"

#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char why[512];

static int parse(const char *text, struct yaml_tree **ret)
{
    return yaml_tree_parse("f.yaml", str_from(text), ret, why, sizeof(why));
}

static void check_refused(const char *text, const char *expected)
{
    struct yaml_tree *y = NULL;

    assert_true(parse(text, &y) > 0);
    assert_null(y);
    if (strncmp(why, expected, strlen(expected)) != 0)
        fail_msg("\"%s\"\n  gave     %s\n  expected %s", text, why, expected);
}

static void every_node_knows_its_place(void **state)
{
    CLEANUP(yaml_tree_free) struct yaml_tree *y = NULL;

    (void)state;
    CHECK_INT(parse("# head\na: 1\nlist:\n  - x\n  - {k: \"v\"}\n", &y), 0);
    CHECK_TEXT(yaml_tree_name(y), "f.yaml");
    const struct yaml_node *root = yaml_tree_root(y);
    CHECK_INT(root->type, YAML_MAP);

    const struct yaml_node *a = yaml_tree_get(root, "a");
    CHECK_TEXT(a->scalar, "1");
    CHECK(a->is_plain);
    CHECK_U64(a->line, 2);
    CHECK_U64(a->column, 4);
    CHECK_U64(a->key_line, 2);
    CHECK_U64(a->key_column, 1);

    const struct yaml_node *list = yaml_tree_get(root, "list");
    CHECK_INT(list->type, YAML_LIST);
    CHECK_TEXT(list->child->scalar, "x");
    CHECK_U64(list->child->line, 4);
    CHECK_U64(list->child->column, 5);
    const struct yaml_node *v = yaml_tree_get(list->child->next, "k");
    CHECK_TEXT(v->scalar, "v");
    CHECK(!v->is_plain);
    CHECK_U64(v->line, 5);
    CHECK_U64(v->column, 9);
    assert_null(list->child->next->next);
    assert_null(yaml_tree_get(root, "absent"));
    assert_null(yaml_tree_get(list, "k"));
}

static void an_empty_document_has_no_root(void **state)
{
    static const char *const texts[] = {"", "# only a comment\n", "\n\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        CLEANUP(yaml_tree_free) struct yaml_tree *y = NULL;
        CHECK_INT(parse(texts[i], &y), 0);
        assert_null(yaml_tree_root(y));
    }
}

static void what_acts_from_afar_is_refused_where_it_stands(void **state)
{
    (void)state;
    check_refused("a: &x 1\nb: *x\n", "f.yaml:1:4: anchors");
    check_refused("a: 1\nb: *x\n", "f.yaml:2:4: aliases");
    check_refused("a: !!int 1\n", "f.yaml:1:4: tags");
    check_refused("a: !!map {}\n", "f.yaml:1:4: tags");
    check_refused("a: &x [1]\n", "f.yaml:1:4: anchors");
    check_refused("&k a: 1\n", "f.yaml:1:1: anchors");
    check_refused("a: 1\n---\nb: 2\n", "f.yaml:2:1: a second document");
}

static void a_repeated_key_is_refused_where_it_stands(void **state)
{
    (void)state;
    check_refused("a: 1\nb: 2\na: 3\n", "f.yaml:3:1: repeated key 'a'");
    check_refused("x:\n  - {k: 1, \"k\": 2}\n", "f.yaml:2:12: repeated key 'k'");
    check_refused("? [a, b]\n: 1\n", "f.yaml:1:3: a key must be a text");
}

static void broken_syntax_is_refused_with_its_line(void **state)
{
    (void)state;
    check_refused("a: [1, 2\nb: 3\n", "f.yaml:2:");
    check_refused("a: 1\n\tb: 2\n", "f.yaml:2:");
    check_refused("a: \"\xff\"\n", "f.yaml:1:");
    check_refused("a: \"\\0\"\n", "f.yaml:1:4: a text with a NUL");
    check_refused("a: \x01\n", "f.yaml:1:");
}

static void a_message_is_one_clean_line(void **state)
{
    (void)state;
    check_refused("\"a\\n\\e[31m\": 1\n\"a\\n\\e[31m\": 2\n", "f.yaml:2:1: repeated key 'a??[31m'");
}

static void depth_and_size_have_ceilings(void **state)
{
    char text[256] = "";
    CLEANUP(yaml_tree_free) struct yaml_tree *y = NULL;

    (void)state;
    for (int i = 0; i < 32; i++)
        strcat(text, "[");
    for (int i = 0; i < 32; i++)
        strcat(text, "]");
    CHECK_INT(parse(text, &y), 0);
    memset(text, '[', 33);
    memset(text + 33, ']', 33);
    check_refused(text, "f.yaml:1:33: nested deeper than 32 levels");

    size_t n = 1024 * 1024 + 1;
    char *big = malloc(n + 1);
    assert_non_null(big);
    memset(big, '#', n);
    big[n] = '\0';
    check_refused(big, "f.yaml:1:1: larger than 1 MiB");
    for (size_t i = 0; i + 1 < n; i += 2)
        memcpy(big + i, "-\n", 2);
    big[n - 1] = '\0';
    yaml_tree_free(&y);
    CHECK_INT(parse(big, &y), 0);
    free(big);
}

static void a_map_has_at_most_512_keys(void **state)
{
    char text[8192] = "";
    size_t len = 0;
    CLEANUP(yaml_tree_free) struct yaml_tree *y = NULL;

    (void)state;
    for (unsigned i = 0; i < 512; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "k%u: 1\n", i);
    CHECK_INT(parse(text, &y), 0);
    snprintf(text + len, sizeof(text) - len, "last: 1\n");
    check_refused(text, "f.yaml:513:1: more than 512 keys");
}

static void a_file_that_cannot_be_read_says_why(void **state)
{
    struct yaml_tree *y = NULL;

    (void)state;
    CHECK_INT(yaml_tree_load("/nonexistent/x.yaml", &y, why, sizeof(why)), -ENOENT);
    CHECK_TEXT(why, "/nonexistent/x.yaml: No such file or directory");
    CHECK_INT(yaml_tree_load("/", &y, why, sizeof(why)), -EISDIR);
    assert_null(y);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_node_knows_its_place),
        cmocka_unit_test(an_empty_document_has_no_root),
        cmocka_unit_test(what_acts_from_afar_is_refused_where_it_stands),
        cmocka_unit_test(a_repeated_key_is_refused_where_it_stands),
        cmocka_unit_test(broken_syntax_is_refused_with_its_line),
        cmocka_unit_test(a_message_is_one_clean_line),
        cmocka_unit_test(depth_and_size_have_ceilings),
        cmocka_unit_test(a_map_has_at_most_512_keys),
        cmocka_unit_test(a_file_that_cannot_be_read_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
