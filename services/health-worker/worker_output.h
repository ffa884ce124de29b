/* worker_output.h -- which lines does a program write into a pipe?
 *
 * A line ends with LF or CR; what is longer than WORKER_OUTPUT_LINE is cut, and of a flood
 * WORKER_OUTPUT_RATE lines a second are kept.
 */
#pragma once

#include "base/ratelimit.h"
#include "base/str.h"
#include "io/loop.h"

#include <stdbool.h>
#include <stdint.h>

#define WORKER_OUTPUT_LINE 4096
#define WORKER_OUTPUT_RATE 200

typedef void (*worker_output_fn)(void *arg, struct str line);

struct worker_output {
    struct loop *loop;
    struct loop_fd fd;
    int pipe; /* -1: closed */
    worker_output_fn fn;
    void *arg;
    struct ratelimit rate;
    uint64_t left_out;
    bool is_cutting; /* the rest of a line that was too long */
    size_t n;
    char line[WORKER_OUTPUT_LINE];
};

/* Takes over the pipe's reading end, which must not block. */
void worker_output_start(struct worker_output *o, struct loop *l, int pipe, worker_output_fn fn,
                         void *arg);
/* What is still in the pipe is read first. */
void worker_output_stop(struct worker_output *o);
