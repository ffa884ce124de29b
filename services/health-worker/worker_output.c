#include "worker_output.h"

#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

#define TURN (64u << 10) /* read in one turn of the loop */

/* False at the end of the pipe. */
static bool drain(struct worker_output *o, size_t max)
{
    char bytes[4096];

    for (size_t total = 0; total < max;) {
        ssize_t n = read(o->pipe, bytes, sizeof(bytes));
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            return false;
        if (n < 0)
            return true;
        worker_line_feed(&o->line, (struct str){bytes, (size_t)n}, loop_now(o->loop));
        total += (size_t)n;
    }
    return true;
}

static void close_pipe(struct worker_output *o)
{
    loop_fd_stop(&o->fd);
    close(o->pipe);
    o->pipe = -1;
    worker_line_end(&o->line, loop_now(o->loop));
}

static void on_ready(void *arg, unsigned ready)
{
    struct worker_output *o = arg;

    (void)ready;
    if (!drain(o, TURN))
        close_pipe(o);
}

void worker_output_start(struct worker_output *o, struct loop *l, int pipe, worker_line_fn fn,
                         void *arg)
{
    o->loop = l;
    o->pipe = pipe;
    worker_line_init(&o->line, fn, arg);
    loop_fd_init(&o->fd, l, pipe, on_ready, o);
    if (loop_fd_want(&o->fd, LOOP_READ) < 0)
        close_pipe(o);
}

void worker_output_stop(struct worker_output *o)
{
    if (o->pipe < 0)
        return;
    (void)!drain(o, TURN);
    close_pipe(o);
}
