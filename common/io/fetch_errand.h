/* fetch_errand.h -- how is something that may block done without holding up the loop?
 *
 * On a thread of its own; that it is done comes back through the loop. Whoever sent for it may lose
 * interest meanwhile: the thread then finishes for nobody.
 */
#pragma once

#include "base/macro.h"
#include "io/loop.h"

struct fetch_errand;

/* `data` is the thread's until `done`, the loop's afterwards. */
struct fetch_errand_kind {
    void (*run)(void *data);             /* on the thread */
    void (*done)(void *arg, void *data); /* on the loop; may free the errand */
    void (*release)(void *data);         /* on either, when both have let go */
};

/* Takes `data` over in every case. -errno if no thread or descriptor is to be had. */
MUST_USE int fetch_errand_start(struct loop *l, const struct fetch_errand_kind *kind, void *data,
                                void *arg, struct fetch_errand **ret);
void fetch_errand_free(struct fetch_errand **e);
