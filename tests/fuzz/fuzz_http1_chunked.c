#include "base/http1_chunked.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    enum http1_chunked_result result;
    size_t taken;
    uint64_t hash; /* of the body */
};

static struct outcome decode(const uint8_t *data, size_t size, size_t step)
{
    struct http1_chunked c = {0};
    struct outcome o = {.result = HTTP1_CHUNKED_MORE};
    struct str piece;

    while (o.taken < size && o.result == HTTP1_CHUNKED_MORE) {
        struct str in = {(const char *)data + o.taken,
                         size - o.taken < step ? size - o.taken : step};
        size_t given = in.len;
        while ((o.result = http1_chunked_next(&c, &in, &piece)) == HTTP1_CHUNKED_DATA) {
            for (size_t i = 0; i < piece.len; i++)
                o.hash = o.hash * 31 + (unsigned char)piece.data[i] + 1;
        }
        o.taken += given - in.len;
    }
    return o;
}

/* The property: cutting the body differently changes nothing. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole = decode(data, size, size), cut = decode(data, size, 1);

    if (whole.result != cut.result || whole.taken != cut.taken || whole.hash != cut.hash)
        abort();
    return 0;
}
