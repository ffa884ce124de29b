#include "base/sigv4.h"

#include "check.h"

#include <string.h>

/* The credentials, time and host of AWS's published test suite for Signature Version 4. */
static const struct sigv4_credentials suite = {
    .access_key = STR_INIT("AKIDEXAMPLE"),
    .secret_key = STR_INIT("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
    .region = STR_INIT("us-east-1"),
    .service = STR_INIT("service"),
};

static const char *sign(const char *method, const char *path, const char *query)
{
    static struct arena a;
    struct sigv4_request r = {
        .method = method,
        .host = STR("example.amazonaws.com"),
        .path = str_from(path),
        .query = str_from(query),
        .body = STR_EMPTY,
        .now = 1440938160, /* 2015-08-30T12:36:00Z */
    };
    struct sigv4_signature s;

    arena_done(&a);
    arena_init(&a, 1u << 16);
    CHECK(sigv4_sign(&a, &suite, &r, &s));
    CHECK_TEXT(s.date, "20150830T123600Z");
    return s.authorization;
}

#define HEAD                                                                                       \
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "            \
    "SignedHeaders=host;x-amz-date, Signature="

static void the_published_examples_are_signed_alike(void **state)
{
    (void)state;
    CHECK_TEXT(sign("GET", "/", ""),
               HEAD "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
    CHECK_TEXT(sign("POST", "/", ""),
               HEAD "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
    CHECK_TEXT(sign("GET", "/", "Param1=value1&Param2=value2"),
               HEAD "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
}

/* Checked with an implementation of the specification in another language. */
static void a_path_is_encoded_once_more(void **state)
{
    (void)state;
    CHECK_TEXT(sign("POST", "/model/a.b-v1%3A0/converse", ""),
               HEAD "dcd7cfafee1698d5e220b4009da3d5adf32e84f16a0668e956dba2785b6876d9");
}

static void a_session_token_is_signed_too(void **state)
{
    struct sigv4_credentials c = suite;
    struct sigv4_request r = {.method = "GET", .host = STR("h"), .path = STR("/"), .now = 0};
    struct sigv4_signature s;
    struct arena a;

    (void)state;
    c.session_token = STR("token");
    arena_init(&a, 1u << 16);
    CHECK(sigv4_sign(&a, &c, &r, &s));
    CHECK(strstr(s.authorization, "SignedHeaders=host;x-amz-date;x-amz-security-token,"));
    arena_done(&a);
}

static void a_full_arena_is_no_signature(void **state)
{
    struct sigv4_request r = {.method = "GET", .host = STR("h"), .path = STR("/"), .now = 0};
    struct sigv4_signature s;
    struct arena a;

    (void)state;
    arena_init(&a, 16);
    CHECK(!sigv4_sign(&a, &suite, &r, &s));
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_examples_are_signed_alike),
        cmocka_unit_test(a_path_is_encoded_once_more),
        cmocka_unit_test(a_session_token_is_signed_too),
        cmocka_unit_test(a_full_arena_is_no_signature),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
