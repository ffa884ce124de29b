#include "ledger_entry.h"

#include "ledger_record.h"

#include <assert.h>
#include <stddef.h>

void ledger_entry_init(struct ledger_entry *e)
{
    *e = (struct ledger_entry){.ttft = USEC_INFINITY,
                               .tokens_in = LEDGER_ENTRY_NO_COUNT,
                               .tokens_out = LEDGER_ENTRY_NO_COUNT,
                               .tokens_cached = LEDGER_ENTRY_NO_COUNT,
                               .tokens_reasoning = LEDGER_ENTRY_NO_COUNT,
                               .cost_nano = MONEY_UNKNOWN,
                               .reserved_nano = MONEY_UNKNOWN};
}

void ledger_entry_init_attempt(struct ledger_attempt *a)
{
    *a = (struct ledger_attempt){.ttft = USEC_INFINITY,
                                 .tokens_in = LEDGER_ENTRY_NO_COUNT,
                                 .tokens_out = LEDGER_ENTRY_NO_COUNT,
                                 .tokens_cached = LEDGER_ENTRY_NO_COUNT,
                                 .cost_nano = MONEY_UNKNOWN};
}

static void write_entry(struct ledger_entry *e, struct spool *s)
{
    spool_publish(s, ledger_record_write_entry(spool_reserve(s), e));
    e->promised--;
}

enum spool_result ledger_entry_open(struct ledger_entry *e, struct spool *s)
{
    assert(e->id == 0);
    enum spool_result r = spool_promise(s, 3); /* this, one attempt, the settlement */
    if (r)
        return r;
    e->promised = 3;
    e->id = spool_stamp(s, e->started_at);
    e->status = LEDGER_PENDING;
    write_entry(e, s);
    return SPOOL_OK;
}

enum spool_result ledger_entry_extend(struct ledger_entry *e, struct spool *s)
{
    assert(e->promised > 0 && e->promised < UINT8_MAX);
    enum spool_result r = spool_promise(s, 1);
    if (r)
        return r;
    e->promised++;
    return SPOOL_OK;
}

void ledger_entry_add_attempt(struct ledger_entry *e, struct spool *s,
                              const struct ledger_attempt *a)
{
    assert(e->promised > 1);
    spool_publish(s, ledger_record_write_attempt(spool_reserve(s), e, a));
    e->promised--;
}

static bool write_whole(struct ledger_entry *e, struct spool *s, const struct ledger_attempt *a)
{
    size_t len = ledger_record_write_whole(spool_reserve(s), e, a);
    if (len == 0)
        return false;
    spool_publish(s, len);
    e->promised--;
    return true;
}

enum spool_result ledger_entry_settle(struct ledger_entry *e, struct spool *s,
                                      const struct ledger_attempt *last)
{
    assert(e->status != LEDGER_PENDING && (e->promised > 0 || e->id == 0));
    if (e->id == 0) {
        enum spool_result r = spool_promise(s, 1);
        if (r)
            return r;
        e->promised = 1;
        e->id = spool_stamp(s, e->started_at);
    }
    if (!last || !write_whole(e, s, last)) {
        if (last)
            ledger_entry_add_attempt(e, s, last);
        write_entry(e, s);
    }
    spool_release(s, e->promised);
    e->promised = 0;
    return SPOOL_OK;
}

const char *ledger_entry_status_text(enum ledger_entry_status status)
{
    static const char *const texts[] = {
        [LEDGER_PENDING] = "pending",     [LEDGER_SUCCESS] = "success",
        [LEDGER_ERROR] = "error",         [LEDGER_CANCELLED] = "cancelled",
        [LEDGER_TRUNCATED] = "truncated", [LEDGER_REFUSED] = "refused",
        [LEDGER_UNKNOWN] = "unknown",
    };
    return texts[status];
}

const char *ledger_entry_source_text(enum ledger_entry_source source)
{
    static const char *const texts[] = {
        [LEDGER_SOURCE_NONE] = NULL,
        [LEDGER_SOURCE_UPSTREAM] = "upstream",
        [LEDGER_SOURCE_LOCAL] = "local",
    };
    return texts[source];
}
