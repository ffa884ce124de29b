/* workers.h -- what does health-worker tell the proxies about the inference servers it runs?
 *
 * A list goes out every second and at once when a worker's state changes: a worker that leaves its
 * provider's routing is not stopped before every proxy that still lives has said (load.h) that it
 * has heard that list and has no request left there.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/json_write.h"
#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORKERS_MAX 256

/* What it means to who wants to use its provider. */
enum workers_use {
    WORKERS_AWAY,  /* not to be had: stopped by hand, given up, or leaving for good */
    WORKERS_COLD,  /* not running; whoever asks for it and waits will have it */
    WORKERS_READY, /* serves */
};

struct workers_one {
    struct str name, provider, model, device;
    struct str state;  /* a word of lifecycle.h */
    struct str reason; /* why it is in this state, for people; may be empty */
    enum workers_use use;
    uint64_t since_ms; /* wall clock, of the state */
    uint64_t pid;      /* 0: not running */
    uint64_t restarts; /* since health-worker began */
    uint64_t in_flight;
    uint64_t memory_bytes; /* 0: not running or not known */
};

struct workers_list {
    struct str node;
    uint64_t sequence;
    uint64_t at_ms; /* wall clock */
    struct workers_one one[WORKERS_MAX];
    size_t n;
};

/* The members of one, as an object: the status pages show the same. */
void workers_write_one(struct json_write *w, const struct workers_one *o);

MUST_USE enum buf_result workers_encode(const struct workers_list *l, struct buf *out);
/* Texts live in `a`. Whatever fails, *ret may have been written to. */
MUST_USE bool workers_decode(struct arena *a, struct str json, struct workers_list *ret);
