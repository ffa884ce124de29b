#include "base/json_edit.h"

#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
    struct arena arena;
    struct json_edit edit;
    const struct json_value *root;
    struct buf out;
};

static int set_up(void **state)
{
    static struct fixture f;

    arena_init(&f.arena, 1 << 20);
    buf_init(&f.out, 1 << 20);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    arena_done(&f->arena);
    buf_done(&f->out);
    return 0;
}

static void start(struct fixture *f, const char *text)
{
    size_t offset;

    arena_clear(&f->arena);
    buf_clear(&f->out);
    CHECK_INT(json_parse(&f->arena, str_from(text), &f->root, &offset), JSON_OK);
    json_edit_init(&f->edit, str_from(text));
}

static void set(struct fixture *f, const char *key, const char *value, const char *member)
{
    json_edit_set(&f->edit, f->root, key, str_from(value), str_from(member));
}

static void drop(struct fixture *f, const char *key)
{
    json_edit_remove(&f->edit, f->root, json_get(f->root, key));
}

static void finish(struct fixture *f, const char *expected)
{
    struct arena again;
    const struct json_value *v;
    size_t offset;

    CHECK_U64(json_edit_length(&f->edit), strlen(expected));
    CHECK_INT(json_edit_apply(&f->edit, &f->out), BUF_OK);
    CHECK_TEXT(f->out.data, expected);
    arena_init(&again, 1 << 20);
    CHECK_INT(json_parse(&again, buf_str(&f->out), &v, &offset), JSON_OK);
    arena_done(&again);
}

static void without_an_edit_the_text_stays_the_same(void **state)
{
    start(*state, " {\"a\" : 1.50 } ");
    finish(*state, " {\"a\" : 1.50 } ");
}

static void a_value_is_replaced_and_every_other_byte_stays(void **state)
{
    struct fixture *f = *state;

    start(f, "{ \"model\":\t\"fast\" ,\"x\":1.0e+2,\"messages\":[ {\"role\":\"user\"} ]\n}");
    json_edit_replace(&f->edit, json_at(f->root, "messages.0.role"), STR("\"system\""));
    json_edit_replace(&f->edit, json_get(f->root, "model"), STR("\"gpt-5\""));
    finish(f, "{ \"model\":\t\"gpt-5\" ,\"x\":1.0e+2,\"messages\":[ {\"role\":\"system\"} ]\n}");
}

static void a_replacement_can_be_replaced(void **state)
{
    struct fixture *f = *state;

    start(f, "{\"a\":1,\"b\":2}");
    json_edit_replace(&f->edit, json_get(f->root, "a"), STR("10"));
    json_edit_replace(&f->edit, json_get(f->root, "a"), STR("11"));
    set(f, "a", "12", "\"a\":12");
    finish(f, "{\"a\":12,\"b\":2}");
    start(f, "{\"a\":{\"x\":1,\"y\":[2]},\"b\":2}");
    json_edit_replace(&f->edit, json_at(f->root, "a.y.0"), STR("3"));
    json_edit_set(&f->edit, json_get(f->root, "a"), "z", STR("1"), STR("\"z\":1"));
    json_edit_replace(&f->edit, json_get(f->root, "a"), STR("null"));
    finish(f, "{\"a\":null,\"b\":2}");
}

static void a_new_member_goes_right_after_the_brace(void **state)
{
    struct fixture *f = *state;

    start(f, "{ \"a\":1}");
    set(f, "b", "2", "\"b\":2");
    finish(f, "{\"b\":2, \"a\":1}");
    start(f, "{ }");
    set(f, "b", "2", "\"b\":2");
    finish(f, "{\"b\":2 }");
    start(f, "{}");
    set(f, "b", "2", "\"b\":2");
    set(f, "c", "3", "\"c\":3");
    finish(f, "{\"c\":3,\"b\":2}");
    start(f, "[{\"o\":{}}]");
    json_edit_set(&f->edit, json_at(f->root, "0.o"), "k", STR("true"), STR("\"k\":true"));
    finish(f, "[{\"o\":{\"k\":true}}]");
}

static void first_middle_last_and_only_member_can_go(void **state)
{
    static const char text[] = "{ \"a\" : 1 , \"b\" : 2 , \"c\" : 3 }";

    start(*state, text);
    drop(*state, "a");
    finish(*state, "{ \"b\" : 2 , \"c\" : 3 }");
    start(*state, text);
    drop(*state, "b");
    finish(*state, "{ \"a\" : 1 , \"c\" : 3 }");
    start(*state, text);
    drop(*state, "c");
    finish(*state, "{ \"a\" : 1 , \"b\" : 2 }");
    start(*state, "{ \"a\" : 1 }");
    drop(*state, "a");
    finish(*state, "{  }");
}

static void several_members_can_go_in_any_order(void **state)
{
    static const char *const orders[] = {"abc", "acb", "bac", "bca", "cab", "cba"};
    static const char *const left[3] = {"bc", "ac", "ab"};

    for (size_t i = 0; i < 6; i++) {
        char key[2] = {0};
        start(*state, "{\"a\":1,\"b\":2,\"c\":3}");
        for (size_t n = 0; n < 3; n++) {
            key[0] = orders[i][n];
            drop(*state, key);
            drop(*state, key);
        }
        finish(*state, "{}");
    }
    for (size_t i = 0; i < 3; i++) {
        start(*state, "{\"a\":1,\"b\":1,\"c\":1}");
        char first[2] = {left[i][0], 0}, second[2] = {left[i][1], 0}, expected[16];
        drop(*state, first);
        drop(*state, second);
        snprintf(expected, sizeof(expected), "{\"%c\":1}", (char)('a' + i));
        finish(*state, expected);
    }
}

static void removing_all_leaves_no_comma_behind_what_was_set(void **state)
{
    start(*state, "{\"a\":1}");
    set(*state, "b", "2", "\"b\":2");
    set(*state, "c", "3", "\"c\":3");
    drop(*state, "a");
    finish(*state, "{\"c\":3,\"b\":2}");
    start(*state, "{\"a\":1}");
    drop(*state, "a");
    set(*state, "a", "2", "\"a\":2");
    finish(*state, "{\"a\":2}");
}

static void a_buffer_that_is_too_small_is_left_alone(void **state)
{
    struct fixture *f = *state;
    struct buf small;

    start(f, "{\"a\":1}");
    set(f, "a", "12345", "\"a\":12345");
    buf_init(&small, json_edit_length(&f->edit) - 1);
    CHECK_INT(json_edit_apply(&f->edit, &small), BUF_FULL);
    CHECK_U64(small.len, 0);
    buf_done(&small);
}

/* An object as a list of members, newest insertion first, then the original order. */
struct model {
    struct {
        char key[8];
        char value[32];
        bool is_gone, is_new;
    } member[32];
    size_t n, n_original;
};

static const char *random_value(void)
{
    static const char *const values[] = {"1",  "-2.50", "\"x\\u0041\"",  "[]",        "[1, 2]",
                                         "{}", "null",  "{\"in\": [0]}", "\"a,b}{\"", "true"};

    return values[(size_t)rand() % (sizeof(values) / sizeof(values[0]))];
}

static const char *random_space(void)
{
    static const char *const spaces[] = {"", "", " ", "\n  ", "\t"};

    return spaces[(size_t)rand() % 5];
}

static void add_member(struct model *m, size_t at, const char *key, const char *value)
{
    memmove(&m->member[at + 1], &m->member[at], (m->n - at) * sizeof(m->member[0]));
    memset(&m->member[at], 0, sizeof(m->member[0]));
    snprintf(m->member[at].key, sizeof(m->member[at].key), "%s", key);
    snprintf(m->member[at].value, sizeof(m->member[at].value), "%s", value);
    m->n++;
}

static void random_object(struct model *m, char *text)
{
    char *p = text + sprintf(text, "%s{%s", random_space(), random_space());
    size_t n = (size_t)rand() % 7;

    *m = (struct model){0};
    for (size_t i = 0; i < n; i++) {
        char key[8];
        snprintf(key, sizeof(key), "k%zu", i);
        add_member(m, i, key, random_value());
        p += sprintf(p, "%s\"%s\"%s:%s%s%s", i ? "," : "", key, random_space(), random_space(),
                     m->member[i].value, random_space());
        if (i + 1 < n && rand() % 2)
            p += sprintf(p, " ");
    }
    sprintf(p, "}%s", random_space());
    m->n_original = n;
}

static void random_edit(struct fixture *f, struct model *m, unsigned step)
{
    size_t pick = (size_t)rand() % 8;
    char key[8], member[64];
    const char *value = random_value();

    if (pick < m->n && !m->member[pick].is_gone && !m->member[pick].is_new && rand() % 2) {
        drop(f, m->member[pick].key);
        m->member[pick].is_gone = true;
        return;
    }
    if (pick < m->n && !m->member[pick].is_gone && !m->member[pick].is_new) {
        set(f, m->member[pick].key, value, "unused");
        snprintf(m->member[pick].value, sizeof(m->member[pick].value), "%s", value);
        return;
    }
    snprintf(key, sizeof(key), "n%u", step);
    snprintf(member, sizeof(member), "\"%s\":%s", key, value);
    json_edit_set(&f->edit, f->root, key, str_from(value),
                  str_from(arena_copy(&f->arena, str_from(member))));
    add_member(m, 0, key, value);
    m->member[0].is_new = true;
}

static void check_model(struct fixture *f, const struct model *m)
{
    const struct json_value *v, *child;
    size_t offset, i = 0;

    CHECK_INT(json_edit_apply(&f->edit, &f->out), BUF_OK);
    CHECK_U64(f->out.len, json_edit_length(&f->edit));
    if (json_parse(&f->arena, buf_str(&f->out), &v, &offset) != JSON_OK)
        fail_msg("%s became %s", f->edit.text.data, f->out.data);
    for (child = v->child; child; child = child->next, i++) {
        while (i < m->n && m->member[i].is_gone)
            i++;
        CHECK(i < m->n);
        CHECK(str_is(child->key, m->member[i].key));
        CHECK(str_is(child->raw, m->member[i].value));
    }
    while (i < m->n && m->member[i].is_gone)
        i++;
    CHECK_U64(i, m->n);
}

/* Between the splices the new text is the old one, and they come in order. */
static void check_untouched_bytes(const struct fixture *f)
{
    const struct json_edit *e = &f->edit;
    const char *was = e->text.data, *is = f->out.data;

    for (size_t i = 0; i < e->n; i++) {
        size_t gap = e->splice[i].at - (size_t)(was - e->text.data);
        CHECK(e->splice[i].at >= (size_t)(was - e->text.data));
        CHECK(memcmp(was, is, gap) == 0);
        was += gap + e->splice[i].removed;
        is += gap + e->splice[i].text.len;
    }
    CHECK_TEXT(was, is);
}

static void check_pieces(const struct fixture *f)
{
    struct str piece[2 * JSON_EDIT_MAX + 1];
    size_t n = json_edit_pieces(&f->edit, piece);
    const char *is = f->out.data;

    CHECK_U64(n, 2 * f->edit.n + 1);
    for (size_t i = 0; i < n; i++) {
        CHECK(memcmp(is, piece[i].data, piece[i].len) == 0);
        is += piece[i].len;
    }
    CHECK(*is == '\0');
}

static void any_sequence_of_edits_gives_the_intended_tree(void **state)
{
    struct fixture *f = *state;
    char text[1000];
    struct model m;

    srand(20);
    for (unsigned round = 0; round < 20000; round++) {
        random_object(&m, text);
        start(f, text);
        for (unsigned step = 0, n = (unsigned)rand() % 8; step < n; step++)
            random_edit(f, &m, step);
        check_model(f, &m);
        check_untouched_bytes(f);
        check_pieces(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_an_edit_the_text_stays_the_same),
        cmocka_unit_test(a_value_is_replaced_and_every_other_byte_stays),
        cmocka_unit_test(a_replacement_can_be_replaced),
        cmocka_unit_test(a_new_member_goes_right_after_the_brace),
        cmocka_unit_test(first_middle_last_and_only_member_can_go),
        cmocka_unit_test(several_members_can_go_in_any_order),
        cmocka_unit_test(removing_all_leaves_no_comma_behind_what_was_set),
        cmocka_unit_test(a_buffer_that_is_too_small_is_left_alone),
        cmocka_unit_test(any_sequence_of_edits_gives_the_intended_tree),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
