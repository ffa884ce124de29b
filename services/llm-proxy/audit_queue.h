/* audit_queue.h -- what is to be written to the trail, and how often did what came again come?
 *
 * Pure: two lists of bytes with a ceiling, in order, and a table of repeated events. The caller
 * holds the lock.
 */
#pragma once

#include "base/buf.h"
#include "base/clock.h"
#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define AUDIT_QUEUE_MAX_BYTES   ((size_t)4 << 20)
#define AUDIT_QUEUE_MAX_REPEATS 256
#define AUDIT_QUEUE_MAX_REPEAT  200 /* bytes of its data */
#define AUDIT_QUEUE_WINDOW      (10 * USEC_PER_SEC)

struct audit_item {
    usec_t wall;
    const char *event; /* a constant */
    bool is_critical;
    struct str data; /* of audit_queue_read(): borrowed from the list */
};

struct audit_repeat {
    const char *event; /* NULL: free */
    char data[AUDIT_QUEUE_MAX_REPEAT + 1];
    uint64_t hash, count; /* since the last record of it */
    usec_t until;
};

struct audit_queue {
    struct buf items;
    uint64_t n_added, n_dropped; /* ever; since the last audit_queue_take() */
    struct audit_repeat repeats[AUDIT_QUEUE_MAX_REPEATS];
    struct audit_repeat others; /* those for which there was no room */
};

void audit_queue_init(struct audit_queue *q);
void audit_queue_done(struct audit_queue *q);

/* False: the queue is full, and it is counted as dropped. */
bool audit_queue_add(struct audit_queue *q, const struct audit_item *item);
/* As audit_repeat(); `now` is monotonic. True: a record was added, or dropped. */
bool audit_queue_repeat(struct audit_queue *q, const struct audit_item *item, usec_t now);
/* Adds a record for each window that is over. */
void audit_queue_expire(struct audit_queue *q, usec_t wall, usec_t now);

/* All items, into `to` (empty), which gives its memory in exchange; how many were dropped. */
void audit_queue_take(struct audit_queue *q, struct buf *to, uint64_t *ret_dropped);
/* The item at *at, which moves behind it; false at the end. */
bool audit_queue_read(const struct buf *list, size_t *at, struct audit_item *ret);
