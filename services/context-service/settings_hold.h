/* settings_hold.h -- which settings does a job go by that began before a reload?
 *
 * A reference for each thread that reads them; the last one to let go releases them.
 */
#pragma once

#include "settings/settings.h"

struct settings_hold;

struct settings_hold *settings_hold_new(struct settings *s); /* takes it over */
struct settings_hold *settings_hold_ref(struct settings_hold *h);
void settings_hold_unref(struct settings_hold **h);

const struct settings *settings_hold_look(const struct settings_hold *h);
