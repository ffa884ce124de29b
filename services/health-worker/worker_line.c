#include "worker_line.h"

#include <stdio.h>

static void tell_left_out(struct worker_line *l)
{
    char text[64];

    int n = snprintf(text, sizeof(text), "(%llu lines left out)", (unsigned long long)l->left_out);
    l->left_out = 0;
    l->fn(l->arg, (struct str){text, (size_t)n});
}

static void end_line(struct worker_line *l, usec_t now)
{
    static const struct ratelimit_rate rate = {WORKER_LINE_RATE, USEC_PER_SEC};
    struct str line = {l->text, l->n};

    l->n = 0;
    if (l->is_cutting || line.len == 0) {
        l->is_cutting = false;
        return;
    }
    if (ratelimit_take(&l->rate, rate, 1, now) > 0) {
        l->left_out++;
        return;
    }
    if (l->left_out > 0)
        tell_left_out(l);
    l->fn(l->arg, line);
}

void worker_line_init(struct worker_line *l, worker_line_fn fn, void *arg)
{
    l->fn = fn;
    l->arg = arg;
    l->rate = (struct ratelimit){0};
    l->left_out = l->n = 0;
    l->is_cutting = false;
}

void worker_line_feed(struct worker_line *l, struct str bytes, usec_t now)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.data[i] == '\n' || bytes.data[i] == '\r') {
            end_line(l, now);
        } else if (!l->is_cutting) {
            l->text[l->n++] = bytes.data[i];
            if (l->n == sizeof(l->text)) {
                end_line(l, now);
                l->is_cutting = true;
            }
        }
    }
}

void worker_line_end(struct worker_line *l, usec_t now)
{
    end_line(l, now);
    if (l->left_out > 0)
        tell_left_out(l);
}
