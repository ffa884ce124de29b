#include "base/buf.h"
#include "base/http1_chunked.h"
#include "base/http1_request.h"
#include "base/http1_target.h"

#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_HEADER = 32 * 1024, MAX_FIELDS = 100, MAX_BODY = 1024 * 1024 };

/* What came of a stream of requests. */
struct verdict {
    unsigned n_complete;
    int status; /* 0: nothing was refused */
    size_t body_bytes;
    bool is_between; /* every request begun is complete */
};

/* The body of the request in front of *in; as http_server does it, without the server. */
static int pass_body(const struct http1_request *r, struct http1_chunked *c, struct str *in,
                     struct verdict *v)
{
    enum http1_chunked_result result;
    struct str piece;

    if (!r->is_chunked) {
        if (r->content_length > MAX_BODY)
            return 413;
        if (in->len < r->content_length)
            return -1;
        v->body_bytes += r->content_length;
        in->data += r->content_length;
        in->len -= r->content_length;
        return 0;
    }
    while ((result = http1_chunked_next(c, in, &piece)) == HTTP1_CHUNKED_DATA) {
        v->body_bytes += piece.len;
        if (v->body_bytes > MAX_BODY)
            return 413;
    }
    return result == HTTP1_CHUNKED_INVALID ? 400 : result == HTTP1_CHUNKED_MORE ? -1 : 0;
}

struct server {
    struct http1_field fields[MAX_FIELDS];
    struct http1_request request;
    struct http1_chunked chunked;
    bool has_head;
    struct verdict verdict;
};

static void start_request(struct server *s)
{
    http1_request_init(&s->request, s->fields, MAX_FIELDS, MAX_HEADER);
    s->chunked = (struct http1_chunked){0};
    s->has_head = false;
    s->verdict.is_between = true;
}

/* Take whatever of the requests in front of *in can be taken. False: refused. */
static bool take(struct server *s, struct str *in)
{
    while (in->len > 0) {
        s->verdict.is_between = false;
        if (!s->has_head) {
            enum http1_result result = http1_request_feed(&s->request, *in);
            s->verdict.status = result == HTTP1_REFUSED ? s->request.head.status : 0;
            if (result != HTTP1_DONE)
                return result == HTTP1_MORE;
            in->data += s->request.size;
            in->len -= s->request.size;
            s->has_head = true;
        }
        int status = pass_body(&s->request, &s->chunked, in, &s->verdict);
        s->verdict.status = status > 0 ? status : 0;
        if (status != 0)
            return status < 0;
        s->verdict.n_complete++;
        start_request(s);
    }
    return true;
}

/* The stream in pieces of `step` bytes. */
static struct verdict serve(struct str stream, size_t step)
{
    struct server s = {0};
    struct str in = {stream.data, 0};

    start_request(&s);
    for (size_t fed = 0; fed < stream.len; fed += step) {
        in.len += stream.len - fed < step ? stream.len - fed : step;
        if (!take(&s, &in))
            break;
    }
    return s.verdict;
}

static void decode(const char *text, size_t len, struct buf *out);

/* "{N*c}" or "{N*(text)}"; returns how much of `text` that was. */
static size_t decode_repetition(const char *text, struct buf *out)
{
    char *star;
    unsigned long n = strtoul(text + 1, &star, 10);
    const char *what = star + 1;
    const char *end = *what == '(' ? strstr(what, ")}") : what + 1;

    assert_true(*star == '*' && end);
    if (*what == '(')
        what++;
    while (n-- > 0)
        decode(what, (size_t)(end - what), out);
    return (size_t)(end - text) + (*end == ')') + 1;
}

static void decode(const char *text, size_t len, struct buf *out)
{
    static const char plain[] = "r\rn\nt\t\\\\";

    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '\\') {
            c = text[++i];
            if (c == '{') {
                i += decode_repetition(text + i, out) - 1;
                continue;
            }
            if (c == 'x') {
                c = (char)(http1_head_hex_digit(text[i + 1]) * 16 +
                           http1_head_hex_digit(text[i + 2]));
                i += 2;
            } else {
                const char *at = strchr(plain, c);
                assert_non_null(at);
                c = at[1];
            }
        }
        assert_int_equal(buf_add(out, &c, 1), BUF_OK);
    }
}

static bool is_as_wanted(struct verdict v, bool is_refusal, unsigned wanted)
{
    if (is_refusal)
        return v.n_complete == 0 && v.status == (int)wanted;
    return v.n_complete == wanted && v.status == 0 && v.is_between;
}

static bool check_case(char *line, struct buf *bytes)
{
    static const size_t steps[] = {SIZE_MAX / 2, 1, 2, 3, 7, 64, 1000};
    char *name = strstr(line, " | ");
    char *text = name ? strstr(name + 3, " | ") : NULL;
    bool ok = true;

    assert_non_null(text);
    *text = '\0';
    buf_clear(bytes);
    decode(text + 3, strcspn(text + 3, "\n"), bytes);
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        struct verdict v = serve(buf_str(bytes), steps[i]);
        if (is_as_wanted(v, *line == 'r', (unsigned)atoi(line + 7)))
            continue;
        print_error("%s: step %zu: %u complete, status %d\n", line, steps[i], v.n_complete,
                    v.status);
        ok = false;
    }
    return ok;
}

static void every_case_of_the_table_gets_its_verdict_however_it_is_cut(void **state)
{
    unsigned n_refuse = 0, n_accept = 0, n_wrong = 0;
    struct buf bytes;
    char *line = NULL;
    size_t size = 0;

    (void)state;
    FILE *f = fopen("http1_cases.txt", "re");
    assert_non_null(f);
    buf_init(&bytes, (size_t)4 << 20);
    while (getline(&line, &size, f) > 0) {
        if (*line != 'r' && *line != 'a')
            continue;
        *(*line == 'r' ? &n_refuse : &n_accept) += 1;
        n_wrong += !check_case(line, &bytes);
    }
    buf_done(&bytes);
    free(line);
    fclose(f);
    CHECK_INT(n_wrong, 0);
    CHECK(n_refuse >= 120);
    CHECK(n_accept >= 60);
}

struct parsed {
    struct http1_field fields[8];
    struct http1_request r;
};

static struct str parse(struct parsed *p, const char *text)
{
    struct str bytes = str_from(text);

    http1_request_init(&p->r, p->fields, 8, MAX_HEADER);
    CHECK_INT(http1_request_feed(&p->r, bytes), HTTP1_DONE);
    return bytes;
}

static void a_head_gives_its_parts(void **state)
{
    struct parsed p;

    (void)state;
    struct str head = parse(&p, "POST /a%20b//c?x=1?y HTTP/1.1\r\nHost: h:1\r\nX-One:  1 2 \r\n"
                                "Content-Length: 7\r\nExpect: 100-continue\r\n\r\nbody");
    CHECK_STR(http1_head_text(head, p.r.method), "POST");
    CHECK_STR(http1_head_text(head, p.r.path), "/a%20b//c");
    CHECK_STR(http1_head_text(head, p.r.query), "x=1?y");
    CHECK_STR(http1_head_find(&p.r.head, head, "x-one"), "1 2");
    CHECK(http1_head_find(&p.r.head, head, "x-two").data == NULL);
    CHECK_U64(p.r.content_length, 7);
    CHECK_U64(p.r.size, head.len - 4);
    CHECK(p.r.expects_continue && p.r.keeps_alive && !p.r.is_chunked);
}

static void the_version_and_connection_decide_what_is_kept_alive(void **state)
{
    static const struct {
        const char *head;
        bool keeps_alive;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, CLOSE ,y\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n", true},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
    };
    struct parsed p;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        (void)parse(&p, cases[i].head);
        CHECK_INT(p.r.keeps_alive, cases[i].keeps_alive);
    }
}

static void a_path_is_decoded_and_its_empty_segments_dropped(void **state)
{
    static const char *const cases[][2] = {
        {"/", "/"},
        {"", "/"},
        {"//", "/"},
        {"/v1//models/", "/v1/models/"},
        {"/%41%62%20%c3%a9", "/Ab \xc3\xa9"},
        {"/a;b=c", "/a;b=c"},
        {"*", "*"},
        {"/...", "/..."},
    };
    char path[64];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        size_t len = http1_target_decode(str_from(cases[i][0]), path);
        CHECK_TEXT(path, cases[i][1]);
        CHECK_U64(len, strlen(path));
    }
}

static void a_parameter_is_found_and_decoded(void **state)
{
    static const struct {
        const char *query, *value; /* NULL: refused */
    } cases[] = {
        {"", ""},
        {"by", ""},
        {"by=", ""},
        {"xby=a&by=b", "b"},
        {"by=a&by=b", "a"},
        {"by=a%2Cb", "a,b"},
        {"by=a+b%20c", "a b c"},
        {"by=%", NULL},
        {"by=%2", NULL},
        {"by=%2g", NULL},
        {"by=12345678", "12345678"},
        {"by=123456789", NULL},
        {"x=%&by=a", "a"},
    };
    char space[8];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct str value;
        bool ok =
            http1_target_parameter(str_from(cases[i].query), "by", space, sizeof(space), &value);
        CHECK_INT(ok, cases[i].value != NULL);
        if (ok)
            CHECK(str_is(value, cases[i].value));
    }
}

/* 200 spellings of a protected path: each is refused or names that very path. */
static void no_spelling_of_a_path_reaches_another_one(void **state)
{
    static const char *const slashes[] = {"/",   "//",  "/./",      "/%2e/", "/x/../",
                                          "%2f", "%2F", "/%2e%2e/", "\\",    "/;/../"};
    static const char *const names[] = {
        "admin/keys",   "%61dmin/keys",    "admin//keys", "adm%69n/k%65ys", "admin/./keys",
        "admin%2fkeys", "admin/x/../keys", "admin\\keys", "admin/keys/..",  "admin/%6b%65%79%73"};
    unsigned n_same = 0;

    (void)state;
    for (size_t i = 0; i < 100; i++) {
        for (int absolute = 0; absolute < 2; absolute++) {
            char raw[128], path[128];
            struct http1_target t;
            snprintf(raw, sizeof(raw), "%s%s%s", absolute ? "http://h" : "", slashes[i / 10],
                     names[i % 10]);
            if (!http1_target_split(str_from(raw), &t))
                continue;
            path[http1_target_decode(t.path, path)] = '\0';
            CHECK_TEXT(path, "/admin/keys");
            n_same++;
        }
    }
    CHECK_INT(n_same, 2 * 2 * 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_of_the_table_gets_its_verdict_however_it_is_cut),
        cmocka_unit_test(a_head_gives_its_parts),
        cmocka_unit_test(the_version_and_connection_decide_what_is_kept_alive),
        cmocka_unit_test(a_path_is_decoded_and_its_empty_segments_dropped),
        cmocka_unit_test(a_parameter_is_found_and_decoded),
        cmocka_unit_test(no_spelling_of_a_path_reaches_another_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
