#include "base/eventstream.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool fold(void *arg, struct str name, struct str payload)
{
    uint64_t *hash = arg;

    for (size_t i = 0; i < name.len; i++)
        *hash = *hash * 31 + (unsigned char)name.data[i];
    for (size_t i = 0; i < payload.len; i++)
        *hash = *hash * 31 + (unsigned char)payload.data[i];
    *hash = *hash * 31 + 256;
    return payload.len == 0 || payload.data[0] != '!';
}

static enum eventstream_result parse(const uint8_t *data, size_t size, size_t step, uint64_t *hash)
{
    struct eventstream_parser p;
    enum eventstream_result r = EVENTSTREAM_OK;

    eventstream_init(&p, 512, fold, hash);
    for (size_t i = 0; i < size && r == EVENTSTREAM_OK; i += step)
        r = eventstream_feed(&p, (const char *)data + i, size - i < step ? size - i : step);
    eventstream_done(&p);
    return r;
}

/* The property: cutting the stream differently changes nothing. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    uint64_t whole = 0;
    size_t odd = 2 + data[size - 1] % 16, steps[] = {1, odd};
    enum eventstream_result r = parse(data, size, size, &whole);
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        uint64_t cut = 0;
        if (parse(data, size, steps[i], &cut) != r || cut != whole)
            abort();
    }
    return 0;
}
