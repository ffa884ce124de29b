#include "base/ndjson.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool fold(void *arg, struct str line)
{
    uint64_t *hash = arg;

    if (line.len == 0 || memchr(line.data, '\n', line.len))
        abort();
    for (size_t i = 0; i < line.len; i++)
        *hash = *hash * 31 + (unsigned char)line.data[i];
    *hash = *hash * 31 + 256;
    return line.data[0] != '!';
}

static enum ndjson_result parse(const uint8_t *data, size_t size, size_t step, uint64_t *hash)
{
    struct ndjson_parser p;
    enum ndjson_result r = NDJSON_OK;

    ndjson_init(&p, 512, fold, hash);
    for (size_t i = 0; i < size && r == NDJSON_OK; i += step)
        r = ndjson_feed(&p, (const char *)data + i, size - i < step ? size - i : step);
    if (r == NDJSON_OK)
        r = ndjson_end(&p);
    ndjson_done(&p);
    return r;
}

/* The property: cutting the stream differently changes nothing. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    uint64_t whole = 0;
    size_t odd = 2 + data[size - 1] % 16, steps[] = {1, odd};
    enum ndjson_result r = parse(data, size, size, &whole);
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        uint64_t cut = 0;
        if (parse(data, size, steps[i], &cut) != r || cut != whole)
            abort();
    }
    return 0;
}
