/* cache_policy.h -- may this request be answered from the cache, and its answer be kept? Pure.
 */
#pragma once

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
