/* sim_record.h -- what did the simulator receive, and how did it end?
 *
 * A ring of the latest requests, oldest overwritten, each with at most SIM_RECORD_MAX_BYTES of what
 * was received. Times are CLOCK_MONOTONIC in microseconds, so tests on the same host can compare
 * them with their own.
 */
#pragma once

#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "sim_http.h"

#define SIM_RECORD_MAX_BYTES ((size_t)80 << 10)

enum sim_record_end {
    SIM_RECORD_OPEN,      /* the connection is there */
    SIM_RECORD_PEER_FIN,  /* the peer closed it */
    SIM_RECORD_PEER_RST,  /* the peer reset it */
    SIM_RECORD_SIMULATOR, /* the simulator closed it */
};

struct sim_record_entry {
    uint64_t number, connection;
    usec_t arrived_at;  /* first byte */
    usec_t complete_at; /* last byte */
    usec_t finished_at; /* the answer's last byte was written; 0: not */
    usec_t closed_at;   /* the connection; 0: it is open, or carries a later request */
    enum sim_record_end end;
    uint64_t sent; /* bytes of the answer */
    size_t head_len, body_len;
    uint8_t digest[DIGEST_SIZE]; /* of the whole body */
    struct buf bytes;            /* head and body as received, cut at the ceiling */
};

struct sim_record {
    struct sim_record_entry *ring;
    size_t max;
    uint64_t next; /* number of the next request; they count from 1 */
    uint64_t first;
};

void sim_record_init(struct sim_record *r, size_t max);
void sim_record_done(struct sim_record *r);

/* Forget everything; numbers go on. */
void sim_record_reset(struct sim_record *r);

/* Numbers are given even when the ring is off (max 0). */
uint64_t sim_record_add(struct sim_record *r, const struct sim_http_request *request,
                        uint64_t connection, usec_t arrived_at, usec_t now);
/* NULL when it was overwritten or forgotten. */
struct sim_record_entry *sim_record_find(struct sim_record *r, uint64_t number);

/* Requests after number `since`, as a JSON array; `brief` leaves headers and body out. */
MUST_USE enum buf_result sim_record_write(struct sim_record *r, uint64_t since, bool brief,
                                          struct buf *out);
