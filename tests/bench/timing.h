/* timing.h -- how much processor time has this thread had? For programs that only measure: what
 * they need and have not ends them. */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline uint64_t timing_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static inline double timing_us_since(uint64_t begun_ns)
{
    return (double)(timing_ns() - begun_ns) / 1e3;
}

static inline void timing_need(bool done, const char *what)
{
    if (done)
        return;
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
    exit(1);
}

static inline int timing_compare(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static inline void timing_sort(double *times, size_t n)
{
    qsort(times, n, sizeof(*times), timing_compare);
}
