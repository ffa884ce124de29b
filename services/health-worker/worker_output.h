/* worker_output.h -- which lines come out of a pipe that a program writes into?
 */
#pragma once

#include "io/loop.h"
#include "worker_line.h"

struct worker_output {
    struct loop *loop;
    struct loop_fd fd;
    int pipe; /* -1: closed */
    struct worker_line line;
};

/* Takes over the pipe's reading end, which must not block. */
void worker_output_start(struct worker_output *o, struct loop *l, int pipe, worker_line_fn fn,
                         void *arg);
/* What is still in the pipe is read first. */
void worker_output_stop(struct worker_output *o);
