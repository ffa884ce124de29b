/* json_keys.h -- does an object say the same key twice?
 *
 * Two readers of such an object may believe different values, so it is refused. Linear in the
 * number of members, whatever keys a peer chooses.
 */
#pragma once

#include "base/json.h"

/* The first member whose decoded key an earlier member has; NULL when all differ. */
const struct json_value *json_keys_find_repeated(const struct json_value *object);
