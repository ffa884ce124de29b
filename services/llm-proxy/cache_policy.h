/* cache_policy.h -- may this request be answered from the cache, and its answer be kept?
 *
 * Asked twice: of the request, before the look-up, and of the answer, before it is kept. Pure.
 */
#pragma once

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"
#include "settings/catalogue.h"

#include <stdbool.h>

struct cache_policy_request {
    const struct json_value *body;
    struct str cache_control, no_cache, ttl; /* headers; data NULL: not sent */
    const struct settings_model_cache *model;
};

struct cache_policy {
    bool may_look;
    bool may_keep; /* without may_look: the fresh answer replaces the one that is kept */
    bool may_keep_tool_calls;
    usec_t ttl; /* 0: as the cache's layers say */
};

struct cache_policy cache_policy_decide(const struct cache_policy_request *r);

/* Does the answer, a JSON text or an event stream as the caller gets it, ask for a tool to be run,
 * in any of the callers' dialects? What cannot be read counts as if it did. */
bool cache_policy_has_tool_call(struct arena *scratch, struct str answer, bool is_stream);
