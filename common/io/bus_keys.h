/* bus_keys.h -- which keys do the peers on a bus between machines show each other?
 */
#pragma once

#include "base/macro.h"

#include <stdbool.h>

#define BUS_KEYS_TEXT 41 /* Z85, with the final NUL */

MUST_USE int bus_keys_make(char ret_public[BUS_KEYS_TEXT], char ret_secret[BUS_KEYS_TEXT]);
/* False, too, if either is no key. */
bool bus_keys_is_pair(const char *public_key, const char *secret_key);
