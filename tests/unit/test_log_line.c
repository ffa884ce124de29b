#include "io/log_line.h"

#include "base/str.h"
#include "base/utf8.h"
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct log_field fields[] = {
    {"LLM_REQUEST_ID", "r-1"}, {"LLM_MODEL", NULL}, {"TRACE_ID", "0af7"}, {NULL, NULL}};

static void an_entry_is_one_json_line_with_short_names(void **state)
{
    const struct log_line l = {.ident = "llm-proxy",
                               .level = LOG_LEVEL_INFO,
                               .wall = 1755780000123456,
                               .fields = fields,
                               .message = "served"};
    char text[LOG_LINE_MAX];

    (void)state;
    struct str line = {text, log_line_json(&l, text)};
    CHECK_STR(line, "{\"ts\":\"2025-08-21T12:40:00.123456Z\",\"level\":\"info\",\"ident\":"
                    "\"llm-proxy\",\"message\":\"served\",\"request_id\":\"r-1\","
                    "\"trace_id\":\"0af7\"}\n");
}

static void an_entry_is_one_journal_datagram_with_full_names(void **state)
{
    const struct log_line l = {
        .ident = "llm-proxy", .level = LOG_LEVEL_ERROR, .fields = fields, .message = "a=b"};
    char text[LOG_LINE_MAX];

    (void)state;
    struct str line = {text, log_line_journal(&l, text)};
    CHECK_STR(line, "PRIORITY=3\nSYSLOG_IDENTIFIER=llm-proxy\nMESSAGE=a=b\n"
                    "LLM_REQUEST_ID=r-1\nTRACE_ID=0af7\n");
}

static void what_could_forge_a_line_comes_out_escaped(void **state)
{
    static const char evil[] = "a\r\nb\x1b[31m\x7f\xc2\x85\xe2\x80\xa8\xe2\x80\xae\xff\"\\é";
    const struct log_line l = {.ident = "x", .level = LOG_LEVEL_INFO, .message = evil};
    char text[LOG_LINE_MAX];

    (void)state;
    size_t n = log_line_json(&l, text);
    text[n] = '\0';
    assert_non_null(strstr(text, "\"message\":\"a\\u000d\\u000ab\\u001b[31m\\u007f\\u0085\\u2028"
                                 "\\u202e\xef\xbf\xbd\\\"\\\\é\"}\n"));
    n = log_line_journal(&l, text);
    text[n] = '\0';
    assert_non_null(strstr(text, "MESSAGE=a\\x0d\\x0ab\\x1b[31m\\x7f\\u0085\\u2028\\u202e"
                                 "\xef\xbf\xbd\"\\é\n"));
}

/* Any bytes at all: one line, of printable UTF-8, below the ceiling. */
static void check_line(const char *text, size_t n, unsigned lines)
{
    unsigned ends = 0;

    CHECK(n > 0 && n <= LOG_LINE_MAX);
    CHECK(utf8_is_valid(text, n));
    CHECK(text[n - 1] == '\n');
    for (size_t i = 0; i < n; i++) {
        ends += text[i] == '\n';
        CHECK((unsigned char)text[i] >= 0x20 || text[i] == '\n');
    }
    CHECK_U64(ends, lines);
}

static void ten_thousand_random_texts_stay_one_line_each(void **state)
{
    char value[700], message[6000], text[LOG_LINE_MAX];
    const struct log_field many[] = {{"LLM_MODEL", value},    {"LLM_PROVIDER", value},
                                     {"LLM_STATUS", value},   {"LLM_KEY_ID", value},
                                     {"LLM_WORKER", value},   {"LLM_CACHE", value},
                                     {"LLM_ATTEMPTS", value}, {NULL, NULL}};
    uint64_t seed = 1;

    (void)state;
    for (unsigned i = 0; i < 10000; i++) {
        for (size_t k = 0; k < sizeof(message); k++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            message[k] = (char)(seed >> 56);
        }
        message[(seed >> 20) % sizeof(message)] = '\0';
        message[sizeof(message) - 1] = '\0';
        (void)!str_copy(value, sizeof(value), str_from(message + sizeof(message) / 2));
        const struct log_line l = {
            .ident = "x", .level = LOG_LEVEL_INFO, .fields = many, .message = message};
        check_line(text, log_line_json(&l, text), 1);
        size_t n = log_line_journal(&l, text);
        unsigned expected = 0;
        for (size_t k = 0; k < n; k++)
            expected += text[k] == '\n';
        CHECK(expected <= 10);
        check_line(text, n, expected);
    }
}

static void too_much_text_is_cut_and_says_so(void **state)
{
    char message[8192], text[LOG_LINE_MAX + 1];
    const struct log_line l = {
        .ident = "x", .level = LOG_LEVEL_INFO, .fields = fields, .message = message};

    (void)state;
    memset(message, 'm', sizeof(message) - 1);
    message[sizeof(message) - 1] = '\0';
    size_t n = log_line_json(&l, text);
    text[n] = '\0';
    assert_non_null(strstr(text, "mm…\",\"request_id\":\"r-1\""));
    assert_non_null(strstr(text, ",\"is_cut\":true}\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_is_one_json_line_with_short_names),
        cmocka_unit_test(an_entry_is_one_journal_datagram_with_full_names),
        cmocka_unit_test(what_could_forge_a_line_comes_out_escaped),
        cmocka_unit_test(ten_thousand_random_texts_stay_one_line_each),
        cmocka_unit_test(too_much_text_is_cut_and_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
