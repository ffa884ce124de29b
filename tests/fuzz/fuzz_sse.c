#include "base/sse.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct tally {
    uint64_t hash;
};

static bool fold(void *arg, const struct sse_event *event)
{
    struct tally *t = arg;

    if (strlen(event->name) > 4096)
        abort();
    for (size_t i = 0; i < event->data_len; i++)
        t->hash = t->hash * 31 + (unsigned char)event->data[i];
    t->hash = t->hash * 31 + 256;
    return true;
}

static enum sse_result parse(const uint8_t *data, size_t size, size_t step, struct tally *t)
{
    struct sse_parser p;
    enum sse_result r = SSE_OK;

    sse_init(&p, 4096, fold, t);
    for (size_t i = 0; i < size && r == SSE_OK; i += step)
        r = sse_feed(&p, (const char *)data + i, size - i < step ? size - i : step);
    sse_done(&p);
    return r;
}

/* The property: cutting the stream differently changes nothing. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tally whole = {0}, cut = {0};

    if (size == 0)
        return 0;
    if (parse(data, size, size, &whole) != parse(data, size, 1, &cut) || whole.hash != cut.hash)
        abort();
    return 0;
}
