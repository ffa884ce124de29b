#include "base/ndjson.h"

#include "check.h"

#include <stdlib.h>
#include <string.h>

#define MAX 64

/* Each line between brackets. */
static bool write_down(void *arg, struct str line)
{
    CHECK_INT(buf_printf(arg, "[%.*s]", STR_ARG(line)), BUF_OK);
    return line.data[0] != '!';
}

static enum ndjson_result parse(struct str stream, size_t step, struct buf *out)
{
    struct ndjson_parser p;
    enum ndjson_result r = NDJSON_OK;

    buf_init(out, 1 << 16);
    ndjson_init(&p, MAX, write_down, out);
    for (size_t at = 0; at < stream.len && r == NDJSON_OK; at += step) {
        size_t n = stream.len - at < step ? stream.len - at : step;
        char *piece = malloc(n); /* exactly so large, so that a sanitizer sees any step beyond */
        CHECK(piece);
        memcpy(piece, stream.data + at, n);
        r = ndjson_feed(&p, piece, n);
        free(piece);
    }
    if (r == NDJSON_OK)
        r = ndjson_end(&p);
    ndjson_done(&p);
    return r;
}

static void check_stream(struct str stream, enum ndjson_result result, const char *lines)
{
    for (size_t step = 1; step <= stream.len; step++) {
        struct buf out;
        enum ndjson_result r = parse(stream, step, &out);
        if (r != result || !str_is(buf_str(&out), lines))
            fail_msg("cut every %zu bytes, \"%.*s\" gives %d \"%.*s\"", step, STR_ARG(stream), r,
                     STR_ARG(buf_str(&out)));
        buf_done(&out);
    }
}

static void a_line_is_the_same_wherever_the_network_cut_it(void **state)
{
    (void)state;
    check_stream(STR("{\"a\":1}\n{\"b\":2}\n"), NDJSON_OK, "[{\"a\":1}][{\"b\":2}]");
    check_stream(STR("1\n2\n3"), NDJSON_OK, "[1][2][3]");
}

static void a_carriage_return_and_blank_lines_are_no_content(void **state)
{
    (void)state;
    check_stream(STR("{}\r\n\r\n\n \t\n{}\t \r\n"), NDJSON_OK, "[{}][{}]");
    check_stream(STR("\n\n"), NDJSON_OK, "");
}

static void a_last_line_needs_no_line_ending(void **state)
{
    (void)state;
    check_stream(STR("{}\n{\"done\":true}"), NDJSON_OK, "[{}][{\"done\":true}]");
}

static void the_callback_can_stop(void **state)
{
    (void)state;
    check_stream(STR("1\n!\n3\n"), NDJSON_STOPPED, "[1][!]");
    check_stream(STR("1\n!"), NDJSON_STOPPED, "[1][!]");
}

static void a_line_up_to_the_ceiling_passes_and_a_longer_one_is_refused(void **state)
{
    static const struct {
        size_t n;
        const char *ending;
        enum ndjson_result result;
    } cases[] = {
        {MAX, "\n", NDJSON_OK},
        {MAX, "", NDJSON_OK},
        {MAX + 1, "\n", NDJSON_TOO_LONG},
        {MAX + 1, "", NDJSON_TOO_LONG},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char stream[MAX + 3], lines[MAX + 3];
        memset(stream, 'x', cases[i].n);
        strcpy(stream + cases[i].n, cases[i].ending);
        memset(lines, 0, sizeof(lines));
        if (cases[i].result == NDJSON_OK) {
            memset(lines, 'x', MAX + 2);
            lines[0] = '[';
            lines[MAX + 1] = ']';
        }
        check_stream(str_from(stream), cases[i].result, lines);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_the_same_wherever_the_network_cut_it),
        cmocka_unit_test(a_carriage_return_and_blank_lines_are_no_content),
        cmocka_unit_test(a_last_line_needs_no_line_ending),
        cmocka_unit_test(the_callback_can_stop),
        cmocka_unit_test(a_line_up_to_the_ceiling_passes_and_a_longer_one_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
