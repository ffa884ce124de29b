#include "worker_output.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define TURN (64u << 10) /* read in one turn of the loop */

static void tell_left_out(struct worker_output *o)
{
    char text[64];

    int n = snprintf(text, sizeof(text), "(%llu lines left out)", (unsigned long long)o->left_out);
    o->left_out = 0;
    o->fn(o->arg, (struct str){text, (size_t)n});
}

static void end_line(struct worker_output *o)
{
    static const struct ratelimit_rate rate = {WORKER_OUTPUT_RATE, USEC_PER_SEC};
    struct str line = {o->line, o->n};

    o->n = 0;
    if (o->is_cutting || line.len == 0) {
        o->is_cutting = false;
        return;
    }
    if (ratelimit_take(&o->rate, rate, 1, loop_now(o->loop)) > 0) {
        o->left_out++;
        return;
    }
    if (o->left_out > 0)
        tell_left_out(o);
    o->fn(o->arg, line);
}

static void feed(struct worker_output *o, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] == '\n' || bytes[i] == '\r') {
            end_line(o);
        } else if (!o->is_cutting) {
            o->line[o->n++] = bytes[i];
            if (o->n == sizeof(o->line)) {
                end_line(o);
                o->is_cutting = true;
            }
        }
    }
}

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
        feed(o, bytes, (size_t)n);
        total += (size_t)n;
    }
    return true;
}

static void close_pipe(struct worker_output *o)
{
    loop_fd_stop(&o->fd);
    close(o->pipe);
    o->pipe = -1;
    end_line(o);
    if (o->left_out > 0)
        tell_left_out(o);
}

static void on_ready(void *arg, unsigned ready)
{
    struct worker_output *o = arg;

    (void)ready;
    if (!drain(o, TURN))
        close_pipe(o);
}

void worker_output_start(struct worker_output *o, struct loop *l, int pipe, worker_output_fn fn,
                         void *arg)
{
    o->loop = l;
    o->pipe = pipe;
    o->fn = fn;
    o->arg = arg;
    o->rate = (struct ratelimit){0};
    o->left_out = o->n = 0;
    o->is_cutting = false;
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
