/* health_api.h -- what does health-worker answer over HTTP? Status, checks on demand, metrics.
 */
#pragma once

#include "base/macro.h"

#include <stddef.h>

struct service;

/* Listens on settings.health.listen. -errno with `reterr` filled. */
MUST_USE int health_api_start(struct service *s, char *reterr, size_t reterr_size);
