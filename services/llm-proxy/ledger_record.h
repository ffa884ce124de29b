/* ledger_record.h -- how is an entry or an attempt laid out in a slot of the spool? Pure.
 */
#pragma once

#include "base/macro.h"
#include "ledger_entry.h"

#include <stdbool.h>
#include <stddef.h>

enum ledger_record_kind {
    LEDGER_RECORD_ENTRY = 1,
    LEDGER_RECORD_ATTEMPT = 2,
    LEDGER_RECORD_WHOLE = 3, /* an entry and its only attempt */
};

struct ledger_record {
    enum ledger_record_kind kind;
    struct ledger_entry entry; /* of an attempt: id and request_id only */
    struct ledger_attempt attempt;
};

/* Return the length written to `slot`, which has SPOOL_MAX_PAYLOAD bytes, aligned to 8. */
size_t ledger_record_write_entry(void *slot, const struct ledger_entry *e);
size_t ledger_record_write_attempt(void *slot, const struct ledger_entry *e,
                                   const struct ledger_attempt *a);

/* Whether an entry that is over tells its attempt's provider, tokens and cost: it is the only one.
 */
bool ledger_record_is_told(const struct ledger_entry *e, const struct ledger_attempt *a);
/* Both; 0: the attempt is not told, or there is no room. */
size_t ledger_record_write_whole(void *slot, const struct ledger_entry *e,
                                 const struct ledger_attempt *a);

/* The texts point into `bytes`. False: not a record. */
MUST_USE bool ledger_record_read(const void *bytes, size_t len, struct ledger_record *ret);
