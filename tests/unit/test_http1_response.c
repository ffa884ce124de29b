#include "base/http1_response.h"

#include "check.h"

#include <string.h>

struct parsed {
    struct http1_field fields[8];
    struct http1_response r;
    enum http1_result result;
};

static struct parsed parse(const char *text, size_t step, bool answers_head)
{
    struct parsed p;
    size_t len = strlen(text);

    http1_response_init(&p.r, p.fields, 8, 1024, answers_head);
    p.result = HTTP1_MORE;
    for (size_t fed = 0; fed < len && p.result == HTTP1_MORE;) {
        fed = len - fed < step ? len : fed + step;
        p.result = http1_response_feed(&p.r, (struct str){text, fed});
    }
    return p;
}

static void a_head_says_how_its_body_ends(void **state)
{
    static const struct {
        const char *head;
        int status;
        enum http1_body body;
        bool keeps_alive;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 200, HTTP1_BODY_LENGTH, true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, HTTP1_BODY_LENGTH, true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n", 200, HTTP1_BODY_CHUNKED, true},
        {"HTTP/1.1 200 OK\r\n\r\n", 200, HTTP1_BODY_UNTIL_CLOSE, false},
        {"HTTP/1.1 204 No Content\r\n\r\n", 204, HTTP1_BODY_NONE, true},
        {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, HTTP1_BODY_NONE, true},
        {"HTTP/1.1 100 Continue\r\n\r\n", 100, HTTP1_BODY_NONE, true},
        {"HTTP/1.1 200 \r\nContent-Length: 5\r\nConnection: close\r\n\r\n", 200, HTTP1_BODY_LENGTH,
         false},
        {"HTTP/1.1 503\r\nContent-Length: 5\r\n\r\n", 503, HTTP1_BODY_LENGTH, true},
        {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", 200, HTTP1_BODY_LENGTH, false},
        {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n", 200,
         HTTP1_BODY_LENGTH, true},
        {"HTTP/1.1 200 D\xe9j\xe0 vu\tx\r\nX:\r\nContent-Length: 5\r\n\r\n", 200, HTTP1_BODY_LENGTH,
         true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        for (size_t step = 1; step < 100; step += 33) {
            struct parsed p = parse(cases[i].head, step, false);
            CHECK_INT(p.result, HTTP1_DONE);
            CHECK_INT(p.r.status, cases[i].status);
            CHECK_INT(p.r.body, cases[i].body);
            CHECK_INT(p.r.keeps_alive, cases[i].keeps_alive);
            CHECK_U64(p.r.size, strlen(cases[i].head));
        }
    }
}

static void an_answer_to_head_has_no_body(void **state)
{
    (void)state;
    struct parsed p = parse("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 100, true);
    CHECK_INT(p.result, HTTP1_DONE);
    CHECK_INT(p.r.body, HTTP1_BODY_NONE);
}

static void what_is_not_quite_http_is_refused(void **state)
{
    static const char *const cases[] = {
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1\r\n\r\n",
        "HTTP/1.1 \r\n\r\n",
        "HTTP/1.1 20\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 +20 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 600 OK\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/1.1\t200 OK\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.2 200 OK\r\n\r\n",
        "http/1.1 200 OK\r\n\r\n",
        "\r\nHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        "HTTP/1.1 200 O\rK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX : y\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: y\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: \x01\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA:\r\nB:\r\nC:\r\nD:\r\nE:\r\nF:\r\nG:\r\nH:\r\nI:\r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        for (size_t step = 1; step < 100; step += 33) {
            struct parsed p = parse(cases[i], step, false);
            CHECK_INT(p.result, HTTP1_REFUSED);
            CHECK(p.r.head.why != NULL);
        }
    }
}

static void a_head_over_its_ceiling_is_refused(void **state)
{
    char head[1200] = "HTTP/1.1 200 OK\r\nX: ";

    (void)state;
    memset(head + strlen(head), 'a', 1100);
    CHECK_INT(parse(head, 1, false).result, HTTP1_REFUSED);
    CHECK_INT(parse(head, 2000, false).result, HTTP1_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_says_how_its_body_ends),
        cmocka_unit_test(an_answer_to_head_has_no_body),
        cmocka_unit_test(what_is_not_quite_http_is_refused),
        cmocka_unit_test(a_head_over_its_ceiling_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
