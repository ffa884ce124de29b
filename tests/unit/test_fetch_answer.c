#include "check.h"

#include "base/buf.h"
#include "io/fetch_answer.h"

#include <stdio.h>
#include <string.h>

/* Feeds `text` in steps; collects the body; returns the last result, MORE if it wants more. */
static enum fetch_answer_result run(struct fetch_answer *a, const char *text, size_t step,
                                    struct buf *body, size_t *ret_left)
{
    size_t len = strlen(text);
    enum fetch_answer_result result = FETCH_ANSWER_MORE;

    buf_clear(body);
    for (size_t at = 0; at < len; at += step) {
        struct str in = {text + at, len - at < step ? len - at : step}, piece;
        while ((result = fetch_answer_next(a, &in, &piece)) != FETCH_ANSWER_MORE) {
            if (result == FETCH_ANSWER_PIECE)
                CHECK_INT(buf_add_str(body, piece), BUF_OK);
            if (result == FETCH_ANSWER_END || result == FETCH_ANSWER_INVALID) {
                *ret_left = len - at - step + in.len;
                if (len - at < step)
                    *ret_left = in.len;
                return result;
            }
        }
    }
    *ret_left = 0;
    return result;
}

struct sample {
    const char *text;
    const char *body;
    enum fetch_answer_result end;
    size_t left;
    bool answers_head, is_ended_by_close;
};

static const struct sample samples[] = {
    {.text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
     .body = "hello",
     .end = FETCH_ANSWER_END},
    {.text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", .body = "", .end = FETCH_ANSWER_END},
    {.text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
     .body = "hell",
     .end = FETCH_ANSWER_MORE},
    {.text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello!!",
     .body = "hello",
     .end = FETCH_ANSWER_END,
     .left = 2},
    {.text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
             "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: x\r\n\r\n",
     .body = "abcde",
     .end = FETCH_ANSWER_END},
    {.text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
     .body = "abc",
     .end = FETCH_ANSWER_MORE},
    {.text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n",
     .body = "abc",
     .end = FETCH_ANSWER_INVALID},
    {.text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
             "10000000000000000\r\n",
     .body = "",
     .end = FETCH_ANSWER_INVALID},
    {.text = "HTTP/1.1 200 OK\r\n\r\nuntil the end",
     .body = "until the end",
     .end = FETCH_ANSWER_MORE,
     .is_ended_by_close = true},
    {.text = "HTTP/1.1 204 No Content\r\n\r\n", .body = "", .end = FETCH_ANSWER_END},
    {.text = "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
     .body = "",
     .end = FETCH_ANSWER_END},
    {.text = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
     .body = "",
     .end = FETCH_ANSWER_END,
     .answers_head = true},
    {.text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
     .body = "x",
     .end = FETCH_ANSWER_END},
    {.text = "SSH-2.0-OpenSSH_9.2\r\n", .body = "", .end = FETCH_ANSWER_INVALID},
};

static void test_answers_end_where_their_framing_says_however_they_are_cut(void **state)
{
    (void)state;
    struct fetch_answer a;
    struct buf body;
    fetch_answer_init(&a);
    buf_init(&body, 1024);

    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        const struct sample *s = &samples[i];
        size_t left = 0;
        for (size_t step = 1; step <= strlen(s->text); step++) {
            fetch_answer_begin(&a, s->answers_head);
            CHECK_INT(run(&a, s->text, step, &body, &left), s->end);
            CHECK(str_is(buf_str(&body), s->body));
            CHECK_INT(fetch_answer_is_ended_by_close(&a), s->is_ended_by_close);
            if (s->end == FETCH_ANSWER_END)
                CHECK_U64(left, s->left);
        }
    }
    buf_done(&body);
    fetch_answer_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_end_where_their_framing_says_however_they_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
