/* spool.h -- what must outlive the process before it is in the ledger? A ring of records in a
 * mapped file.
 *
 * One thread writes, one reads, neither ever waits. A record is published by storing its sequence
 * last, so a killed process leaves whole records or none; a checksum tells what a power cut tore.
 * A writer first sets slots aside (promise), so what was begun can always be finished. An empty
 * ring starts again at its first slot, so a quiet spool touches few pages.
 */
#pragma once

#include "base/clock.h"
#include "base/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPOOL_SLOT_SIZE   512
#define SPOOL_MAX_PAYLOAD 496 /* a slot without its sequence, length and checksum */

enum spool_result {
    SPOOL_OK = 0,
    SPOOL_FULL,    /* the reader has fallen behind by a whole ring */
    SPOOL_DAMAGED, /* not a spool file, or one of another version */
};

/* The reader's alarm clock, the reader's own: a record published while it is asleep writes to
 * `fd`, once. Otherwise publishing makes no system call. */
struct spool_wake {
    _Atomic bool is_asleep;
    int fd; /* an eventfd */
};

struct spool;

/* Opens the ring at `path`, or makes one of `n_slots` (at least 2); its disk space is allocated
 * now. A file that is there keeps its own size. SPOOL_DAMAGED or -errno. */
MUST_USE int spool_open(const char *path, uint32_t n_slots, struct spool **ret);
void spool_close(struct spool **s);

/* Random, made with the file: tells a position in one file from one in its successor. */
int64_t spool_identity(const struct spool *s);
uint32_t spool_slots(const struct spool *s);

/* Before either side begins. Stamps are greater than `after`; the wake is borrowed for life. What
 * an earlier process left and nobody advanced over is read first, and the writer goes on behind it;
 * SPOOL_DAMAGED if records are missing in between. */
MUST_USE enum spool_result spool_prepare(struct spool *s, uint8_t lane, int64_t after,
                                         struct spool_wake *wake);

/* Writer. */
MUST_USE enum spool_result spool_promise(struct spool *s, unsigned n_slots);
void spool_release(struct spool *s, unsigned n_slots); /* promised, but no longer needed */
/* Where the next record goes: SPOOL_MAX_PAYLOAD bytes, aligned to 8. Uses up one promise with the
 * spool_publish() that follows. */
void *spool_reserve(struct spool *s);
void spool_publish(struct spool *s, size_t len);
/* A number for a new request: unique among spools of different `lane`, in order of time. */
int64_t spool_stamp(struct spool *s, usec_t wall);

/* Reader. After spool_open() it sees what an earlier process left, in order. Positions are sequence
 * numbers. */
bool spool_has_news(const struct spool *s);             /* is there a record after the last read? */
void spool_advance(struct spool *s, uint64_t position); /* before it all is safe elsewhere: free */
uint64_t spool_safe_position(const struct spool *s);    /* of the last advance */
void spool_skip_to(struct spool *s, uint64_t position); /* everything before is safe already */
const void *spool_next(struct spool *s, size_t *ret_len); /* NULL: nothing more now */
uint64_t spool_position(const struct spool *s);           /* of the record after the last read */
void spool_rewind(struct spool *s);                       /* read again from the last advance */

/* Its pages, used once, stay in our memory; spool_trim() leaves them in the file's cache only, and
 * each costs a fault when it is used again. By the reader. */
bool spool_is_large(const struct spool *s);
void spool_trim(struct spool *s);

uint64_t spool_pending(const struct spool *s); /* records not advanced over; any thread */
uint64_t spool_lost(const struct spool *s);    /* records of an earlier process a power cut tore */
