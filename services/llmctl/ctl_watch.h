/* ctl_watch.h -- how does a page stay up to date on a terminal until Ctrl-C?
 *
 * Repainted in place every second and at once when the window changes its size, cut to what fits.
 * Where there is no terminal, a line a second instead.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

struct ctl_watch {
    void (*write_page)(void *arg, FILE *to); /* lines */
    void (*write_line)(void *arg, FILE *to); /* one, with its end */
    void *arg;
    bool as_lines; /* on a terminal, too */
};

/* Returns when nobody reads standard output any more; Ctrl-C and SIGTERM end the program with
 * status 0, the terminal as it was before. */
void ctl_watch_run(const struct ctl_watch *w);
