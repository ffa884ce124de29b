#include "base/sse.h"

#include "check.h"

#include <stdlib.h>
#include <string.h>

#define MAX 256

/* Events as text: "[name]data" each. */
static bool write_down(void *arg, const struct sse_event *event)
{
    struct buf *out = arg;

    CHECK(event->data[event->data_len] == '\0');
    CHECK_INT(buf_printf(out, "[%s]", event->name), BUF_OK);
    CHECK_INT(buf_add(out, event->data, event->data_len), BUF_OK);
    return true;
}

static enum sse_result parse(struct str stream, size_t step, struct buf *out)
{
    struct sse_parser p;
    enum sse_result r = SSE_OK;

    buf_init(out, 1 << 20);
    sse_init(&p, MAX, write_down, out);
    for (size_t at = 0; at < stream.len && r == SSE_OK; at += step) {
        size_t n = stream.len - at < step ? stream.len - at : step;
        char *piece = malloc(n); /* exactly so large, so that a sanitizer sees any step beyond */
        CHECK(piece);
        memcpy(piece, stream.data + at, n);
        r = sse_feed(&p, piece, n);
        free(piece);
    }
    sse_done(&p);
    return r;
}

static void check_stream(struct str stream, enum sse_result result, struct str events)
{
    for (size_t step = 1; step <= stream.len; step++) {
        struct buf out;
        enum sse_result r = parse(stream, step, &out);
        if (r != result || !str_equal(buf_str(&out), events))
            fail_msg("cut every %zu bytes, \"%.*s\" gives %d \"%.*s\"", step, STR_ARG(stream), r,
                     STR_ARG(buf_str(&out)));
        buf_done(&out);
    }
}

struct stream_case {
    struct str stream, events;
};

#define CASE(stream, events)                                                                       \
    {                                                                                              \
        {stream, sizeof(stream) - 1},                                                              \
        {                                                                                          \
            events, sizeof(events) - 1                                                             \
        }                                                                                          \
    }

static void check_cases(const struct stream_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check_stream(cases[i].stream, SSE_OK, cases[i].events);
}

static void lines_end_in_lf_cr_or_crlf(void **state)
{
    static const struct stream_case cases[] = {
        CASE("data: a\n\n", "[message]a"),
        CASE("data: a\r\r", "[message]a"),
        CASE("data: a\r\n\r\n", "[message]a"),
        CASE("data: a\r\n\n", "[message]a"),
        CASE("data: a\n\r\n", "[message]a"),
        CASE("data: a\n\r", "[message]a"),
        CASE("data: a\r\n\r", "[message]a"),
        CASE("data: a\r\rdata: b\n\ndata: c\r\n\r\n", "[message]a[message]b[message]c"),
        CASE("data: a\rdata: b\ndata: c\r\ndata: d\r\n\r\n", "[message]a\nb\nc\nd"),
        CASE("\n\n\r\r\r\n\r\ndata: a\n\n\n\n", "[message]a"),
        CASE("data: a\n\rdata: b\n\n", "[message]a[message]b"),
        CASE("data: a\x0b\x0c\xc2\x85\xe2\x80\xa8\n\n", "[message]a\x0b\x0c\xc2\x85\xe2\x80\xa8"),
    };

    (void)state;
    check_cases(cases, sizeof(cases) / sizeof(*cases));
}

static void data_lines_are_joined_and_one_space_is_dropped(void **state)
{
    static const struct stream_case cases[] = {
        CASE("data: a\ndata: b\n\n", "[message]a\nb"),
        CASE("data:a\n\n", "[message]a"),
        CASE("data:  a \n\n", "[message] a "),
        CASE("data:\ta\n\n", "[message]\ta"),
        CASE("data: a: b:c\n\n", "[message]a: b:c"),
        CASE("data::\n\n", "[message]:"),
        CASE("data: a\nignored: x\ndata: b\n\n", "[message]a\nb"),
        CASE("data: a\n:\ndata: b\n\n", "[message]a\nb"),
        CASE("data: {\"x\":\"\xc3\xbc\xf0\x9f\x98\x80\"}\n\n",
             "[message]{\"x\":\"\xc3\xbc\xf0\x9f\x98\x80\"}"),
        CASE("data: a\0b\n\n", "[message]a\0b"),
        CASE("data: \xff\xfe\n\n", "[message]\xff\xfe"),
    };

    (void)state;
    check_cases(cases, sizeof(cases) / sizeof(*cases));
}

static void an_event_without_a_data_line_is_none_and_one_with_an_empty_one_is_empty(void **state)
{
    static const struct stream_case cases[] = {
        CASE("\n", ""),
        CASE("event: x\n\n", ""),
        CASE("event: x\n\ndata: a\n\n", "[message]a"),
        CASE("id: 1\n\n", ""),
        CASE(": c\n\n", ""),
        CASE("data\n\n", "[message]"),
        CASE("data:\n\n", "[message]"),
        CASE("data: \n\n", "[message]"),
        CASE("data\ndata\n\n", "[message]\n"),
        CASE("data:\ndata: a\ndata\n\n", "[message]\na\n"),
        CASE("data\n\ndata: a\n\n", "[message][message]a"),
    };

    (void)state;
    check_cases(cases, sizeof(cases) / sizeof(*cases));
}

static void the_last_event_field_names_this_event_only(void **state)
{
    static const struct stream_case cases[] = {
        CASE("event: x\ndata: a\n\n", "[x]a"),
        CASE("data: a\nevent: x\n\n", "[x]a"),
        CASE("event: x\nevent: y\ndata: a\n\n", "[y]a"),
        CASE("event: x\nevent\ndata: a\n\n", "[message]a"),
        CASE("event: x\nevent:\ndata: a\n\n", "[message]a"),
        CASE("event: x\ndata: a\n\ndata: b\n\n", "[x]a[message]b"),
        CASE("event:  x\ndata: a\n\n", "[ x]a"),
        CASE("event: content_block_delta\r\ndata: {}\r\n\r\n", "[content_block_delta]{}"),
    };

    (void)state;
    check_cases(cases, sizeof(cases) / sizeof(*cases));
}

static void comments_and_unknown_fields_are_ignored(void **state)
{
    static const struct stream_case cases[] = {
        CASE(":\n\n", ""),
        CASE(": keep-alive\n\ndata: a\n\n", "[message]a"),
        CASE(":data: x\ndata: a\n\n", "[message]a"),
        CASE("data: a\n: keep-alive\n\n", "[message]a"),
        CASE("id: 7\nretry: 10\ndata: a\n\n", "[message]a"),
        CASE("id: 1\0002\ndata: a\n\n", "[message]a"),
        CASE("retry: soon\ndata: a\n\n", "[message]a"),
        CASE("Data: x\nDATA: y\ndata: a\n\n", "[message]a"),
        CASE(" data: x\ndata : y\ndata: a\n\n", "[message]a"),
        CASE("dat: x\ndataa: y\ndata: a\n\n", "[message]a"),
        CASE("nothing\ndata: a\n\n", "[message]a"),
        CASE("\0\ndata: a\n\n", "[message]a"),
    };

    (void)state;
    check_cases(cases, sizeof(cases) / sizeof(*cases));
}

static void a_byte_order_mark_counts_only_at_the_start(void **state)
{
    static const struct stream_case cases[] = {
        CASE("\xef\xbb\xbf"
             "data: a\n\n",
             "[message]a"),
        CASE("\xef\xbb\xbf\n"
             "data: a\n\n",
             "[message]a"),
        CASE("\xef\xbb\xbf:\rdata: a\r\r", "[message]a"),
        CASE("\xef\xbb\xbf\xef\xbb\xbf"
             "data: x\n\ndata: a\n\n",
             "[message]a"),
        CASE("\n\xef\xbb\xbf"
             "data: x\n\ndata: a\n\n",
             "[message]a"),
        CASE("data: \xef\xbb\xbf"
             "a\n\n",
             "[message]\xef\xbb\xbf"
             "a"),
        CASE("\xef\xbb"
             "data: x\n\ndata: a\n\n",
             "[message]a"),
        CASE("\xfe\xff"
             "data: x\n\ndata: a\n\n",
             "[message]a"),
    };

    (void)state;
    check_cases(cases, sizeof(cases) / sizeof(*cases));
}

static void what_no_blank_line_has_ended_is_not_dispatched(void **state)
{
    static const struct stream_case cases[] = {
        CASE("data: a", ""),
        CASE("data: a\n", ""),
        CASE("data: a\r\n", ""),
        CASE("data: a\n\ndata: b\n", "[message]a"),
        CASE("data: a\n\ndata: [DONE]", "[message]a"),
    };

    (void)state;
    check_cases(cases, sizeof(cases) / sizeof(*cases));
}

static struct str repeat(struct buf *b, const char *head, char c, size_t n, const char *tail)
{
    buf_init(b, 1 << 20);
    CHECK_INT(buf_add_str(b, str_from(head)), BUF_OK);
    for (size_t i = 0; i < n; i++)
        CHECK_INT(buf_add(b, &c, 1), BUF_OK);
    CHECK_INT(buf_add_str(b, str_from(tail)), BUF_OK);
    return buf_str(b);
}

static void a_line_up_to_the_ceiling_passes_and_a_longer_one_is_refused(void **state)
{
    static const struct {
        const char *head;
        size_t n;
        const char *tail;
        enum sse_result result;
    } cases[] = {
        {"data:", MAX - 5, "\n", SSE_OK},
        {"data:", MAX - 4, "\n", SSE_TOO_LONG},
        {"data:", MAX - 4, "", SSE_TOO_LONG},
        {":", MAX - 1, "\n", SSE_OK},
        {":", MAX, "\n", SSE_TOO_LONG},
        {"event:", MAX - 6, "\r\n", SSE_OK},
        {"", MAX, "\r", SSE_OK},
        {"", MAX + 1, "", SSE_TOO_LONG},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct buf b;
        check_stream(repeat(&b, cases[i].head, 'x', cases[i].n, cases[i].tail), cases[i].result,
                     STR_EMPTY);
        buf_done(&b);
    }
}

static void an_event_of_many_lines_has_the_same_ceiling(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 1 << 20);
    for (int i = 0; i < MAX / 8; i++) /* eight bytes each, with the line ending */
        CHECK_INT(buf_add_str(&b, STR("data: 1234567\n")), BUF_OK);
    check_stream(buf_str(&b), SSE_OK, STR_EMPTY);
    CHECK_INT(buf_add_str(&b, STR("data\n")), BUF_OK);
    check_stream(buf_str(&b), SSE_TOO_LONG, STR_EMPTY);
    buf_done(&b);
}

static void memory_does_not_grow_with_a_line_that_never_ends(void **state)
{
    struct sse_parser p;
    struct buf out, b;
    struct str megabyte = repeat(&b, "data: ", 'x', 1000000, "");

    (void)state;
    buf_init(&out, 1 << 20);
    sse_init(&p, MAX, write_down, &out);
    CHECK_INT(sse_feed(&p, megabyte.data, megabyte.len), SSE_TOO_LONG);
    CHECK(p.line.cap + p.name.cap + p.data.cap <= 3 * (MAX + 1));
    sse_done(&p);
    buf_done(&b);
    buf_done(&out);
}

static bool stop_at_second(void *arg, const struct sse_event *event)
{
    int *seen = arg;

    (void)event;
    return ++*seen < 2;
}

static void the_reader_may_stop_it(void **state)
{
    struct sse_parser p;
    int seen = 0;

    (void)state;
    sse_init(&p, MAX, stop_at_second, &seen);
    CHECK_INT(sse_feed(&p, "data: 1\n\ndata: 2\n\ndata: 3\n\n", 27), SSE_STOPPED);
    CHECK_INT(seen, 2);
    sse_done(&p);
}

static void text_that_looks_like_framing_stays_in_its_event(void **state)
{
    static const struct stream_case cases[] = {
        CASE("data: \\n\\ndata: [DONE]\n\n", "[message]\\n\\ndata: [DONE]"),
        CASE("data: a\\r\\revent: x\n\n", "[message]a\\r\\revent: x"),
    };

    (void)state;
    check_cases(cases, sizeof(cases) / sizeof(*cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_end_in_lf_cr_or_crlf),
        cmocka_unit_test(data_lines_are_joined_and_one_space_is_dropped),
        cmocka_unit_test(an_event_without_a_data_line_is_none_and_one_with_an_empty_one_is_empty),
        cmocka_unit_test(the_last_event_field_names_this_event_only),
        cmocka_unit_test(comments_and_unknown_fields_are_ignored),
        cmocka_unit_test(a_byte_order_mark_counts_only_at_the_start),
        cmocka_unit_test(what_no_blank_line_has_ended_is_not_dispatched),
        cmocka_unit_test(a_line_up_to_the_ceiling_passes_and_a_longer_one_is_refused),
        cmocka_unit_test(an_event_of_many_lines_has_the_same_ceiling),
        cmocka_unit_test(memory_does_not_grow_with_a_line_that_never_ends),
        cmocka_unit_test(the_reader_may_stop_it),
        cmocka_unit_test(text_that_looks_like_framing_stays_in_its_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
