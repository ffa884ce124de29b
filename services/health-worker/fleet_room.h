/* fleet_room.h -- who of the workers that wait for room may start, and who has to leave for it?
 */
#pragma once

#include "machine.h"
#include "runner.h"
#include "settings/settings.h"

#include <stdbool.h>
#include <stddef.h>

/* Lets in whom there is room for, and refuses whom there will be none for. Only workers that run on
 * demand (idle_stop) leave for others, when they are idle, the longest unused first. True when
 * somebody waits for one that is leaving, or for a GPU's figures: ask again soon. */
MUST_USE bool fleet_room_serve(struct runner *const *runners, size_t n, struct machine *m,
                               const struct settings *s);
