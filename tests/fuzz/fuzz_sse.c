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

    if (event->data[event->data_len] != '\0' || strpbrk(event->name, "\r\n"))
        abort();
    for (const char *c = event->name; *c; c++)
        t->hash = t->hash * 31 + (unsigned char)*c;
    t->hash = t->hash * 31 + 256;
    for (size_t i = 0; i < event->data_len; i++)
        t->hash = t->hash * 31 + (unsigned char)event->data[i];
    t->hash = t->hash * 31 + 257;
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
    if (size == 0)
        return 0;
    struct tally whole = {0};
    size_t odd = 2 + data[size - 1] % 16, steps[] = {1, odd};
    enum sse_result r = parse(data, size, size, &whole);
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        struct tally cut = {0};
        if (parse(data, size, steps[i], &cut) != r || cut.hash != whole.hash)
            abort();
    }
    return 0;
}
