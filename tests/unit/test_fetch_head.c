#include "check.h"

#include "io/fetch_head.h"

#include <stdio.h>
#include <string.h>

static enum fetch_head_result add(struct fetch_head *h, const char *line)
{
    return fetch_head_add(h, str_from(line));
}

static void test_fields_are_found_whatever_their_case(void **state)
{
    (void)state;
    struct fetch_head h;
    fetch_head_init(&h);

    CHECK_INT(add(&h, "HTTP/1.1 200 OK\r\n"), FETCH_HEAD_MORE);
    CHECK_INT(add(&h, "Content-Type:  text/plain \r\n"), FETCH_HEAD_MORE);
    CHECK_INT(add(&h, "X-Empty:\r\n"), FETCH_HEAD_MORE);
    CHECK_INT(add(&h, "\r\n"), FETCH_HEAD_DONE);
    CHECK_INT(h.status, 200);
    CHECK_STR(fetch_head_find(&h, "content-type"), "text/plain");
    CHECK(fetch_head_find(&h, "x-empty").data != NULL);
    CHECK_U64(fetch_head_find(&h, "x-empty").len, 0);
    CHECK(fetch_head_find(&h, "x-none").data == NULL);
    fetch_head_done(&h);
}

static void test_interim_answers_leave_nothing_behind(void **state)
{
    (void)state;
    struct fetch_head h;
    fetch_head_init(&h);

    for (unsigned i = 0; i < FETCH_HEAD_MAX_INTERIMS; i++) {
        CHECK_INT(add(&h, "HTTP/1.1 103 Early Hints\r\n"), FETCH_HEAD_MORE);
        CHECK_INT(add(&h, "Link: </x>\r\n"), FETCH_HEAD_MORE);
        CHECK_INT(add(&h, "\r\n"), FETCH_HEAD_MORE);
    }
    CHECK_INT(add(&h, "HTTP/1.1 204 No Content\r\n"), FETCH_HEAD_MORE);
    CHECK_INT(add(&h, "\r\n"), FETCH_HEAD_DONE);
    CHECK_INT(h.status, 204);
    CHECK(fetch_head_find(&h, "link").data == NULL);
    fetch_head_done(&h);
}

static void test_the_ninth_interim_answer_is_one_too_many(void **state)
{
    (void)state;
    struct fetch_head h;
    fetch_head_init(&h);
    enum fetch_head_result r = FETCH_HEAD_MORE;

    for (unsigned i = 0; i <= FETCH_HEAD_MAX_INTERIMS; i++) {
        CHECK_INT(r, FETCH_HEAD_MORE);
        CHECK_INT(add(&h, "HTTP/1.1 100 Continue\r\n"), FETCH_HEAD_MORE);
        r = add(&h, "\r\n");
    }
    CHECK_INT(r, FETCH_HEAD_INVALID);
    fetch_head_done(&h);
}

static void test_a_hundred_fields_pass_and_one_more_does_not(void **state)
{
    (void)state;
    struct fetch_head h;
    fetch_head_init(&h);

    CHECK_INT(add(&h, "HTTP/1.1 200 OK\r\n"), FETCH_HEAD_MORE);
    for (unsigned i = 0; i < FETCH_HEAD_MAX_FIELDS; i++)
        CHECK_INT(add(&h, "Set-Cookie: a=b\r\n"), FETCH_HEAD_MORE);
    CHECK_INT(add(&h, "Set-Cookie: a=b\r\n"), FETCH_HEAD_INVALID);
    fetch_head_done(&h);
}

static void test_all_lines_together_have_a_ceiling_trailers_too(void **state)
{
    (void)state;
    struct fetch_head h;
    fetch_head_init(&h);
    char line[1026];
    memset(line, 'a', sizeof(line));
    memcpy(line, "X:", 2);
    memcpy(line + 1023, "\r\n", 3);

    CHECK_INT(add(&h, "HTTP/1.1 200 OK\r\n"), FETCH_HEAD_MORE);
    CHECK_INT(add(&h, "\r\n"), FETCH_HEAD_DONE);
    for (int i = 0; i < 63; i++)
        CHECK_INT(add(&h, line), FETCH_HEAD_TRAILER);
    CHECK_INT(add(&h, line), FETCH_HEAD_INVALID);
    fetch_head_done(&h);
}

static void test_what_is_not_a_head_is_refused(void **state)
{
    (void)state;
    static const char *const starts[] = {
        "\r\n",
        "200 OK\r\n",
        "HTTP/1.1\r\n",
        "HTTP/1.1 20\r\n",
        "HTTP/1.1 2000 OK\r\n",
        "HTTP/1.1 099 OK\r\n",
        "HTTP/1.1 2x0 OK\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n",
        "HTTP/1.1 200 OK\n",
    };
    static const char *const fields[] = {
        "no colon\r\n", ": empty\r\n", "Sp ace: x\r\n", "Space : x\r\n", " folded\r\n",
        "X: a\n",       "X: a\rb\r\n", "X: \x01\r\n",   "X(y): a\r\n",   "X: \x7f\r\n",
    };
    struct fetch_head h;
    fetch_head_init(&h);

    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        CHECK_INT(add(&h, starts[i]), FETCH_HEAD_INVALID);
        fetch_head_clear(&h);
    }
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        CHECK_INT(add(&h, "HTTP/1.1 200\r\n"), FETCH_HEAD_MORE);
        CHECK_INT(add(&h, fields[i]), FETCH_HEAD_INVALID);
        fetch_head_clear(&h);
    }
    fetch_head_done(&h);
}

static void test_two_lengths_must_agree(void **state)
{
    (void)state;
    struct fetch_head h;
    fetch_head_init(&h);

    CHECK_INT(add(&h, "HTTP/1.1 200 OK\r\n"), FETCH_HEAD_MORE);
    CHECK_INT(add(&h, "Content-Length: 5\r\n"), FETCH_HEAD_MORE);
    CHECK_INT(add(&h, "content-length: 5\r\n"), FETCH_HEAD_MORE);
    CHECK_INT(add(&h, "Content-Length: 6\r\n"), FETCH_HEAD_INVALID);
    fetch_head_done(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_are_found_whatever_their_case),
        cmocka_unit_test(test_interim_answers_leave_nothing_behind),
        cmocka_unit_test(test_the_ninth_interim_answer_is_one_too_many),
        cmocka_unit_test(test_a_hundred_fields_pass_and_one_more_does_not),
        cmocka_unit_test(test_all_lines_together_have_a_ceiling_trailers_too),
        cmocka_unit_test(test_what_is_not_a_head_is_refused),
        cmocka_unit_test(test_two_lengths_must_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
