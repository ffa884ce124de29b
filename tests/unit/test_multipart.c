#include "base/multipart.h"

#include "check.h"

#include <stdio.h>
#include <string.h>

#define TYPE "multipart/form-data; boundary=b"
#define PART(name, content)                                                                        \
    "--b\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" content "\r\n"

/* "name=content;" of each part, or "invalid". */
static const char *parts_of(const char *type, struct str body)
{
    static char text[1024];
    struct multipart m;
    struct multipart_part part;
    enum multipart_result r = multipart_init(&m, str_from(type), body);
    size_t len = 0;

    text[0] = '\0';
    while (r == MULTIPART_OK && (r = multipart_next(&m, &part)) == MULTIPART_OK)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%.*s=%.*s;", STR_ARG(part.name),
                                STR_ARG(part.content));
    return r == MULTIPART_END ? text : "invalid";
}

static void parts_come_with_their_names(void **state)
{
    (void)state;
    CHECK_TEXT(parts_of(TYPE, STR(PART("model", "whisper") "--b\r\ncontent-type: audio/wav\r\n"
                                                           "content-disposition: form-data; "
                                                           "name=file; filename=\"a;name=x.wav\""
                                                           "\r\n\r\nRI\r\nFF--b\r\n--c\r\n"
                                                           "--b--\r\n")),
               "model=whisper;file=RI\r\nFF--b\r\n--c;");
    CHECK_TEXT(parts_of(TYPE, STR(PART("a", "") "--b--")), "a=;");
    CHECK_TEXT(parts_of("Multipart/Form-Data;boundary=\"b\" ", STR(PART("a", "1") "--b--")),
               "a=1;");
    CHECK_TEXT(parts_of(TYPE, STR("--b--\r\n")), "");
}

static void a_boundary_is_one_to_seventy_legal_characters(void **state)
{
    char type[256], body[256], name[80];

    (void)state;
    for (int len = 0; len <= 71; len++) {
        memset(name, 'x', (size_t)len);
        name[len] = '\0';
        snprintf(type, sizeof(type), "multipart/form-data; boundary=%s", name);
        snprintf(body, sizeof(body), "--%s--", name);
        CHECK_TEXT(parts_of(type, str_from(body)), len >= 1 && len <= 70 ? "" : "invalid");
    }
    CHECK_TEXT(parts_of("multipart/form-data; boundary=\"a b\"", STR("--a b--")), "");
    CHECK_TEXT(parts_of("multipart/form-data; boundary=\"a \"", STR("--a --")), "invalid");
    CHECK_TEXT(parts_of("multipart/form-data; boundary=a@b", STR("--a@b--")), "invalid");
    CHECK_TEXT(parts_of("multipart/form-data; boundary=a; boundary=b", STR("--a--")), "invalid");
    CHECK_TEXT(parts_of("multipart/form-data", STR("--b--")), "invalid");
    CHECK_TEXT(parts_of("multipart/form-datax; boundary=b", STR("--b--")), "invalid");
    CHECK_TEXT(parts_of("multipart/mixed; boundary=b", STR("--b--")), "invalid");
}

static void what_is_no_form_is_refused(void **state)
{
    static const struct str bodies[] = {
        STR_INIT(""),
        STR_INIT("--"),
        STR_INIT("--b"),
        STR_INIT("--b-"),
        STR_INIT("--b\r\n"),
        STR_INIT("--b--x"),
        STR_INIT("\r\n--b--"),
        STR_INIT("preamble\r\n--b--"),
        STR_INIT(PART("a", "1")),
        STR_INIT(PART("a", "1") "--b"),
        STR_INIT("--b\r\n\r\n1\r\n--b--"),
        STR_INIT("--b\r\nContent-Disposition: form-data\r\n\r\n1\r\n--b--"),
        STR_INIT("--b\r\nContent-Disposition: form-data; name=\"a\"; name=\"b\"\r\n\r\n1\r\n--b--"),
        STR_INIT("--b\r\nContent-Disposition: form-data; name=\"a\\\"b\"\r\n\r\n1\r\n--b--"),
        STR_INIT("--b\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\n1\r\n--b--"),
        STR_INIT("--b\r\nContent-Disposition: form-data; name=a\r\nContent-Disposition: form-data;"
                 " name=b\r\n\r\n1\r\n--b--"),
        STR_INIT("--b\r\nContent-Disposition: form-data;\r\n name=a\r\n\r\n1\r\n--b--"),
        STR_INIT("--b\nContent-Disposition: form-data; name=a\n\n1\n--b--"),
        STR_INIT("--b\r\nContent-Disposition: form-data; name=a\r\n1\r\n--b--"),
        STR_INIT("--b\r\nContent-Disposition: form-data; name=a\r\n\r\n--b--"),
        STR_INIT("--b\r\nContent-Disposition: form-data; n\0ame=a\r\n\r\n1\r\n--b--"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        if (strcmp(parts_of(TYPE, bodies[i]), "invalid") != 0)
            fail_msg("body %zu was taken", i);
}

static void parts_and_heads_have_ceilings(void **state)
{
    static char body[MULTIPART_MAX_PARTS * 80 + MULTIPART_MAX_HEAD * 2];

    (void)state;
    for (int n = MULTIPART_MAX_PARTS; n <= MULTIPART_MAX_PARTS + 1; n++) {
        size_t len = 0;
        for (int i = 0; i < n; i++)
            len += (size_t)snprintf(body + len, sizeof(body) - len, "%s", PART("a", "1"));
        snprintf(body + len, sizeof(body) - len, "--b--");
        CHECK_INT(strcmp(parts_of(TYPE, str_from(body)), "invalid") == 0, n > MULTIPART_MAX_PARTS);
    }
    snprintf(body, sizeof(body),
             "--b\r\nx: %*d\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--b--",
             MULTIPART_MAX_HEAD, 1);
    CHECK_TEXT(parts_of(TYPE, str_from(body)), "invalid");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_come_with_their_names),
        cmocka_unit_test(a_boundary_is_one_to_seventy_legal_characters),
        cmocka_unit_test(what_is_no_form_is_refused),
        cmocka_unit_test(parts_and_heads_have_ceilings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
