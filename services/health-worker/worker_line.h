/* worker_line.h -- which lines are in what a program writes? Pure.
 *
 * A line ends with LF or CR, and empty ones say nothing; what is longer than WORKER_LINE_MAX is
 * cut, and of a flood WORKER_LINE_RATE lines a second are kept and the others counted.
 */
#pragma once

#include "base/ratelimit.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORKER_LINE_MAX  4096
#define WORKER_LINE_RATE 200

typedef void (*worker_line_fn)(void *arg, struct str line);

struct worker_line {
    worker_line_fn fn;
    void *arg;
    struct ratelimit rate;
    uint64_t left_out;
    bool is_cutting; /* the rest of a line that was too long */
    size_t n;
    char text[WORKER_LINE_MAX];
};

void worker_line_init(struct worker_line *l, worker_line_fn fn, void *arg);
void worker_line_feed(struct worker_line *l, struct str bytes, usec_t now);
/* No more will come: what stands without an ending is a line, too. */
void worker_line_end(struct worker_line *l, usec_t now);
