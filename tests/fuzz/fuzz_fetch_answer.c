#include "io/fetch_answer.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct tally {
    enum fetch_answer_result end;
    int status;
    size_t taken;
    uint64_t hash;
};

static struct tally parse(struct str text, size_t step)
{
    struct fetch_answer a;
    struct tally t = {.end = FETCH_ANSWER_MORE};

    fetch_answer_init(&a);
    for (size_t at = 0; at < text.len && t.end == FETCH_ANSWER_MORE; at += step) {
        struct str in = {text.data + at, text.len - at < step ? text.len - at : step}, piece;
        do {
            t.end = fetch_answer_next(&a, &in, &piece);
            for (size_t i = 0; t.end == FETCH_ANSWER_PIECE && i < piece.len; i++)
                t.hash = t.hash * 31 + (unsigned char)piece.data[i];
        } while (t.end == FETCH_ANSWER_PIECE || t.end == FETCH_ANSWER_HEAD);
        t.taken = (size_t)(in.data - text.data);
    }
    t.status = a.head.is_done ? a.head.response.status : 0;
    if (t.end == FETCH_ANSWER_INVALID) /* how far it got before it saw that is its own business */
        t.taken = 0;
    fetch_answer_done(&a);
    return t;
}

/* The property: cutting the stream differently changes nothing. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    if (size == 0)
        return 0;

    struct tally whole = parse(text, size), cut = parse(text, 1);
    if (whole.end != cut.end || whole.status != cut.status || whole.taken != cut.taken ||
        whole.hash != cut.hash)
        abort();
    return 0;
}
