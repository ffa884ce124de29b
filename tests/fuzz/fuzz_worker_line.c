#include "worker_line.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct heard {
    uint64_t hash, lines;
};

static void fold(void *arg, struct str line)
{
    struct heard *h = arg;

    if (line.len == 0 || line.len > WORKER_LINE_MAX || memchr(line.data, '\n', line.len) ||
        memchr(line.data, '\r', line.len))
        abort();
    for (size_t i = 0; i < line.len; i++)
        h->hash = h->hash * 31 + (unsigned char)line.data[i];
    h->hash = h->hash * 31 + 256;
    h->lines++;
}

/* The clock stands still, so a flood is what exceeds one second's share. */
static struct heard hear(const uint8_t *data, size_t size, size_t step)
{
    static struct worker_line l;
    struct heard h = {0};

    worker_line_init(&l, fold, &h);
    for (size_t i = 0; i < size; i += step)
        worker_line_feed(&l,
                         (struct str){(const char *)data + i, size - i < step ? size - i : step},
                         USEC_PER_SEC);
    worker_line_end(&l, USEC_PER_SEC);
    if (h.lines > WORKER_LINE_RATE + 1 || l.left_out > 0)
        abort();
    return h;
}

/* The property: cutting the output differently changes nothing, and a flood is bounded. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct heard whole = hear(data, size, size);
    size_t steps[] = {1, 2 + data[size - 1] % 16, WORKER_LINE_MAX};
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        struct heard cut = hear(data, size, steps[i]);
        if (cut.hash != whole.hash || cut.lines != whole.lines)
            abort();
    }
    return 0;
}
