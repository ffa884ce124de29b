#include "base/chain.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The property: what reads as a record is written again to the same bytes, but for its seals. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[CHAIN_KEY_SIZE];
    struct str line = {(const char *)data, size};
    struct chain_record r;
    if (!chain_read(line, &r))
        return 0;

    struct chain before = {.seq = r.seq - 1};
    memcpy(before.hash, r.prev, DIGEST_SIZE);
    struct chain at = before;
    struct buf out;
    buf_init(&out, CHAIN_MAX_LINE);
    if (chain_append(&at, key, &r, &out) != BUF_OK || out.len != size + 1)
        abort();
    size_t sealed = size - 2 * DIGEST_SIZE - 2;
    if (memcmp(out.data, data, sealed) != 0)
        abort();
    bool is_ours = memcmp(out.data, data, size) == 0;
    if ((chain_check(&before, key, &r) == CHAIN_OK) != is_ours)
        abort();
    buf_done(&out);
    return 0;
}
