/* key_view.h -- what may an operator see of a key or a team? Everything but its text.
 */
#pragma once

#include "base/json_write.h"
#include "keyring.h"

/* One object each; `wall` is the wall clock. */
void key_view_write(struct json_write *w, const struct keyring_key *k, usec_t wall);
void key_view_write_team(struct json_write *w, const struct keyring_team *t, usec_t wall);
