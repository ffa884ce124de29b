/* tried.h -- which targets has this request tried already, or found closed?
 *
 * Over all models of its plan: two entries may lead to the same target, and a silent one must not
 * be waited for twice. Pure.
 */
#pragma once

#include "upstream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRIED_MAX 32 /* targets a request may try; after that no other is */

struct tried {
    struct {
        const struct upstream_target *target;
        uint32_t tries;
        bool is_provider_closed;
    } of[TRIED_MAX];
    size_t n;
};

/* Not to be chosen any more. */
bool tried_has(const struct tried *t, const struct upstream_target *target);
uint32_t tried_count(const struct tried *t, const struct upstream_target *target);

/* Found closed: no try, but not to be chosen any more. */
void tried_close(struct tried *t, const struct upstream_target *target);
void tried_add(struct tried *t, const struct upstream_target *target);
/* It answered, and is asked for something else: its tries count anew. */
void tried_forget(struct tried *t, const struct upstream_target *target);
/* Its provider cannot be reached: that is true of its other targets, too. */
void tried_close_provider(struct tried *t, const struct upstream_target *target);
