/* settings_nodes.h -- do the keys about other machines fit together?
 */
#pragma once

#include "settings/settings.h"
#include "settings/settings_read.h"

/* Not 0: refused, and the reader's message says where and why. */
MUST_USE int settings_nodes_check(const struct settings *s, const struct settings_reader *r);
