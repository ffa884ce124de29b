#include "ledger_record.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t write_again(void *slot, const struct ledger_record *r)
{
    size_t whole = 0;

    if (r->kind == LEDGER_RECORD_ATTEMPT)
        return ledger_record_write_attempt(slot, &r->entry, &r->attempt);
    if (r->kind == LEDGER_RECORD_WHOLE)
        whole = ledger_record_write_whole(slot, &r->entry, &r->attempt);
    return whole > 0 ? whole : ledger_record_write_entry(slot, &r->entry);
}

/* The property: what was read and written again reads the same, and fits its slot. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _Alignas(8) unsigned char first[SPOOL_MAX_PAYLOAD], second[SPOOL_MAX_PAYLOAD];
    struct ledger_record r, again;

    if (size > SPOOL_MAX_PAYLOAD || !ledger_record_read(data, size, &r))
        return 0;
    size_t len = write_again(first, &r);
    if (len > sizeof(first) || !ledger_record_read(first, len, &again))
        abort();
    if (write_again(second, &again) != len || memcmp(first, second, len) != 0)
        abort();
    return 0;
}
