#include "check.h"

#include "io/fetch_request.h"

static bool is_sound(const char *method, const char *path, struct str name, struct str value)
{
    struct http_header header = {name, value};
    struct fetch_request r = {.method = method, .path = path, .headers = &header, .n_headers = 1};

    return fetch_request_is_sound(&r);
}

static void test_an_ordinary_request_is_sound(void **state)
{
    (void)state;

    CHECK(is_sound("POST", "/v1/chat?a=b", STR("Authorization"), STR("Bearer a b\tc")));
    CHECK(is_sound("GET", "/", STR("X"), STR("")));
    CHECK(is_sound("M-SEARCH", "/\xc3\xa9", STR("x-1"), STR("\xc3\xa9")));
}

static void test_nothing_forwarded_can_start_a_second_request(void **state)
{
    (void)state;

    CHECK(!is_sound("POST", "/a b", STR("X"), STR("y")));
    CHECK(!is_sound("POST", "/a\r\nHost: evil", STR("X"), STR("y")));
    CHECK(!is_sound("POST", "a", STR("X"), STR("y")));
    CHECK(!is_sound("POST", "", STR("X"), STR("y")));
    CHECK(!is_sound("POST", "/#", STR("X"), STR("y")));
    CHECK(!is_sound("PO ST", "/", STR("X"), STR("y")));
    CHECK(!is_sound("", "/", STR("X"), STR("y")));
    CHECK(!is_sound("GET", "/", STR(""), STR("y")));
    CHECK(!is_sound("GET", "/", STR("X:"), STR("y")));
    CHECK(!is_sound("GET", "/", STR("X y"), STR("y")));
    CHECK(!is_sound("GET", "/", STR("X"), STR("y\r\nZ: a")));
    CHECK(!is_sound("GET", "/", STR("X"), STR("y\n")));
    CHECK(!is_sound("GET", "/", STR("X"), STR("y\0z")));
    CHECK(!is_sound("GET", "/", STR("X\0"), STR("y")));
}

static void test_framing_is_left_to_the_client(void **state)
{
    (void)state;

    CHECK(fetch_request_is_own_field(STR("Host")));
    CHECK(fetch_request_is_own_field(STR("CONTENT-LENGTH")));
    CHECK(fetch_request_is_own_field(STR("transfer-encoding")));
    CHECK(fetch_request_is_own_field(STR("Connection")));
    CHECK(!fetch_request_is_own_field(STR("Content-Type")));
    CHECK(!fetch_request_is_own_field(STR("Hosts")));
}

static void test_the_body_is_all_its_pieces(void **state)
{
    (void)state;
    struct fetch_request r = {.body = {STR("ab"), STR(""), STR("cde")}, .n_body = 3};

    CHECK_U64(fetch_request_body_bytes(&r), 5);
}

static void check_head(const struct fetch_request *r, const char *text)
{
    struct fetch_url url;
    struct buf head;

    buf_init(&head, 4096);
    CHECK(fetch_url_parse(STR("http://[::1]:80/v1"), &url));
    fetch_request_write_head(r, &url, &head);
    CHECK_TEXT(head.data, text);
    buf_done(&head);
}

static void test_the_head_states_host_and_length_itself(void **state)
{
    (void)state;
    struct http_header headers[] = {
        {STR("Accept"), STR("*/*")},
        {STR("Host"), STR("evil")},
        {STR("Content-Length"), STR("7")},
        {STR("X-Empty"), STR_EMPTY},
    };
    struct fetch_request r = {
        .method = "POST", .path = "/chat", .headers = headers, .n_headers = 4, .n_body = 1};

    r.body[0] = STR("{}");
    check_head(&r, "POST /v1/chat HTTP/1.1\r\nHost: [::1]:80\r\nAccept: */*\r\nX-Empty: \r\n"
                   "Content-Length: 2\r\n\r\n");
    r.n_body = r.n_headers = 0;
    check_head(&r, "POST /v1/chat HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 0\r\n\r\n");
    r.method = "GET";
    check_head(&r, "GET /v1/chat HTTP/1.1\r\nHost: [::1]:80\r\n\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_ordinary_request_is_sound),
        cmocka_unit_test(test_nothing_forwarded_can_start_a_second_request),
        cmocka_unit_test(test_framing_is_left_to_the_client),
        cmocka_unit_test(test_the_head_states_host_and_length_itself),
        cmocka_unit_test(test_the_body_is_all_its_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
