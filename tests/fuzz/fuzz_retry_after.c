#include "failure.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool claim)
{
    if (!claim)
        abort();
}

/* Two spans in a row are a span only if their sum is what they say. */
static void check_span(struct str text)
{
    usec_t whole, first, second;

    if (!retry_after_parse_span(text, &whole))
        return;
    require(whole <= RETRY_AFTER_MAX);
    for (size_t at = 1; at < text.len; at++) {
        struct str left = {text.data, at}, right = {text.data + at, text.len - at};
        if (!retry_after_parse_span(left, &first) || !retry_after_parse_span(right, &second))
            continue;
        usec_t sum = first + second;
        usec_t expected = sum < RETRY_AFTER_MAX ? sum : RETRY_AFTER_MAX;
        require(whole <= expected + 1 && expected <= whole + 1); /* a rounding each */
    }
}

/* Lines: six headers, then a body. Whatever they say, the wait is bounded, and blame is a word. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = {(const char *)data, size}, lines[6] = {{NULL, 0}};
    const usec_t now = UINT64_C(1794000000) * USEC_PER_SEC;
    struct arena a;

    check_span(rest);
    for (size_t i = 0; i < 6; i++)
        if (!str_cut(&rest, '\n', &lines[i]))
            break;
    arena_init(&a, 1 << 20);
    for (int dialect = DIALECT_OPENAI; dialect <= DIALECT_OLLAMA; dialect++) {
        struct failure_answer answer = {
            .kind = OUTCOME_HTTP_429,
            .status = 429,
            .dialect = dialect,
            .body = rest,
            .headers = {lines[0], lines[1], lines[2], lines[3], lines[4], lines[5]},
        };
        struct failure f = failure_read(&answer, &a, now);
        require(f.blame >= FAILURE_NONE && f.blame <= FAILURE_OF_CONNECTION);
        require(!f.has_rest || f.rest <= RETRY_AFTER_MAX);
        arena_clear(&a);
    }
    arena_done(&a);
    return 0;
}
