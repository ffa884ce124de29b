/* thread.h -- how does a thread begin that no signal disturbs?
 *
 * Signals are for the loop that asked for them.
 */
#pragma once

#include "base/macro.h"

#include <pthread.h>
#include <stddef.h>

/* `name`, of at most 15 bytes, is what `top -H` shows; `stack_bytes` 0: as much as usual. -errno.
 */
MUST_USE int thread_start(pthread_t *ret, const char *name, size_t stack_bytes,
                          void *(*run)(void *), void *arg);
