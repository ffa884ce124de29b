#include "check.h"

#include "io/fetch_head.h"

#include <string.h>

static enum fetch_head_result feed(struct fetch_head *h, const char *text)
{
    struct str bytes = str_from(text);

    return fetch_head_feed(h, &bytes);
}

static void test_fields_are_found_whatever_their_case(void **state)
{
    (void)state;
    struct fetch_head h;
    fetch_head_init(&h);

    CHECK_INT(feed(&h, "HTTP/1.1 200 OK\r\nContent-Type:  text/plain \r\nX-Empty:\r\n\r\n"),
              FETCH_HEAD_DONE);
    CHECK_INT(h.response.status, 200);
    CHECK_STR(fetch_head_find(&h, "content-type"), "text/plain");
    CHECK(fetch_head_find(&h, "x-empty").data != NULL);
    CHECK_U64(fetch_head_find(&h, "x-empty").len, 0);
    CHECK(fetch_head_find(&h, "x-none").data == NULL);
    fetch_head_done(&h);
}

static void test_what_follows_the_head_is_left_alone_however_it_is_cut(void **state)
{
    (void)state;
    const char *text = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody";
    size_t head = strlen(text) - 4;
    struct fetch_head h;
    fetch_head_init(&h);

    for (size_t cut = 0; cut < head; cut++) {
        fetch_head_begin(&h, false);
        struct str first = {text, cut}, rest = {text + cut, strlen(text) - cut};
        CHECK_INT(fetch_head_feed(&h, &first), FETCH_HEAD_MORE);
        CHECK_U64(first.len, 0);
        CHECK_INT(fetch_head_feed(&h, &rest), FETCH_HEAD_DONE);
        CHECK_STR(rest, "body");
        CHECK_U64(h.text.len, head);
        CHECK_STR(fetch_head_find(&h, "Content-Length"), "4");
    }
    fetch_head_done(&h);
}

static void test_interim_answers_leave_nothing_behind(void **state)
{
    (void)state;
    struct fetch_head h;
    fetch_head_init(&h);

    for (unsigned i = 0; i < FETCH_HEAD_MAX_INTERIMS; i++)
        CHECK_INT(feed(&h, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"), FETCH_HEAD_MORE);
    CHECK(fetch_head_find(&h, "link").data == NULL);
    CHECK_INT(feed(&h, "HTTP/1.1 204 No Content\r\n\r\n"), FETCH_HEAD_DONE);
    CHECK_INT(h.response.status, 204);
    CHECK(fetch_head_find(&h, "link").data == NULL);
    fetch_head_done(&h);
}

static void test_the_ninth_interim_answer_is_one_too_many(void **state)
{
    (void)state;
    struct fetch_head h;
    fetch_head_init(&h);

    for (unsigned i = 0; i < FETCH_HEAD_MAX_INTERIMS; i++)
        CHECK_INT(feed(&h, "HTTP/1.1 100 Continue\r\n\r\n"), FETCH_HEAD_MORE);
    CHECK_INT(feed(&h, "HTTP/1.1 100 Continue\r\n\r\n"), FETCH_HEAD_INVALID);
    fetch_head_done(&h);
}

static void test_nobody_asked_to_switch_protocols(void **state)
{
    (void)state;
    struct fetch_head h;
    fetch_head_init(&h);

    CHECK_INT(feed(&h, "HTTP/1.1 101 Switching Protocols\r\n\r\n"), FETCH_HEAD_INVALID);
    fetch_head_done(&h);
}

static void test_a_hundred_fields_pass_and_one_more_does_not(void **state)
{
    (void)state;
    struct fetch_head h;
    fetch_head_init(&h);

    CHECK_INT(feed(&h, "HTTP/1.1 200 OK\r\n"), FETCH_HEAD_MORE);
    for (unsigned i = 0; i < FETCH_HEAD_MAX_FIELDS; i++)
        CHECK_INT(feed(&h, "Set-Cookie: a=b\r\n"), FETCH_HEAD_MORE);
    CHECK_INT(feed(&h, "Set-Cookie: a=b\r\n"), FETCH_HEAD_INVALID);
    fetch_head_done(&h);
}

/* In one piece and in many: the ceiling is the same. */
static void test_a_head_has_a_ceiling(void **state)
{
    (void)state;
    static char text[FETCH_HEAD_MAX_BYTES + 4096];
    memset(text, 'a', sizeof(text));
    const char start[] = "HTTP/1.1 200 OK\r\nX: ";
    memcpy(text, start, sizeof(start) - 1);
    struct fetch_head h;
    fetch_head_init(&h);

    for (size_t step = 1; step <= sizeof(text); step *= 7) {
        enum fetch_head_result result = FETCH_HEAD_MORE;
        size_t at = 0;
        fetch_head_begin(&h, false);
        for (; at < sizeof(text) && result == FETCH_HEAD_MORE; at += step) {
            size_t left = sizeof(text) - at;
            struct str piece = {text + at, left < step ? left : step};
            result = fetch_head_feed(&h, &piece);
        }
        CHECK_INT(result, FETCH_HEAD_INVALID);
        CHECK(h.text.len <= FETCH_HEAD_MAX_BYTES);
    }
    fetch_head_done(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_are_found_whatever_their_case),
        cmocka_unit_test(test_what_follows_the_head_is_left_alone_however_it_is_cut),
        cmocka_unit_test(test_interim_answers_leave_nothing_behind),
        cmocka_unit_test(test_the_ninth_interim_answer_is_one_too_many),
        cmocka_unit_test(test_nobody_asked_to_switch_protocols),
        cmocka_unit_test(test_a_hundred_fields_pass_and_one_more_does_not),
        cmocka_unit_test(test_a_head_has_a_ceiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
