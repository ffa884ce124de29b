#include "base/buf.h"
#include "base/http1_chunked.h"

#include "check.h"

#include <string.h>

/* The body of `text`, cut into pieces of `step` bytes; *ret_rest is how much was left over. */
static enum http1_chunked_result decode(const char *text, size_t step, struct buf *body,
                                        size_t *ret_rest)
{
    struct http1_chunked c = {0};
    enum http1_chunked_result result = HTTP1_CHUNKED_MORE;
    size_t len = strlen(text), at = 0;

    buf_clear(body);
    while (at < len && result == HTTP1_CHUNKED_MORE) {
        struct str in = {text + at, len - at < step ? len - at : step}, piece;
        while ((result = http1_chunked_next(&c, &in, &piece)) == HTTP1_CHUNKED_DATA)
            CHECK_INT(buf_add_str(body, piece), BUF_OK);
        at = (size_t)(in.data - text);
    }
    *ret_rest = len - at;
    return result;
}

static void a_body_ends_where_it_says_however_it_is_cut(void **state)
{
    struct buf body;
    size_t rest;

    (void)state;
    buf_init(&body, 1024);
    for (size_t step = 1; step < 80; step++) {
        enum http1_chunked_result r =
            decode("5\r\nabcde\r\nA;x=\"y\"\r\n0123\r\n6789\r\n0\r\nHost: evil\r\n\r\nGET /", step,
                   &body, &rest);
        CHECK_INT(r, HTTP1_CHUNKED_END);
        CHECK_STR(buf_str(&body), "abcde0123\r\n6789");
        CHECK_U64(rest, step == 1 ? 5 : rest);
        CHECK(rest >= 5);
    }
    buf_done(&body);
}

static void a_cut_body_asks_for_more(void **state)
{
    static const char text[] = "5\r\nabcde\r\n0\r\nX: y\r\n\r\n";
    struct buf body;
    size_t rest;
    char cut[sizeof(text)];

    (void)state;
    buf_init(&body, 1024);
    for (size_t len = 1; len < strlen(text); len++) {
        memcpy(cut, text, len);
        cut[len] = '\0';
        CHECK_INT(decode(cut, 100, &body, &rest), HTTP1_CHUNKED_MORE);
        CHECK_U64(rest, 0);
    }
    buf_done(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_ends_where_it_says_however_it_is_cut),
        cmocka_unit_test(a_cut_body_asks_for_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
