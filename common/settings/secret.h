/* secret.h -- what is the value of a configured secret? Read from a variable, a file or a systemd
 * credential.
 */
#pragma once

#include "base/macro.h"
#include "settings/settings.h"

/* *ret is malloc'd; give it to secret_free(). 0 and NULL when none is configured; -errno with
 * `reterr` filled when it cannot be had. A trailing newline is cut. */
MUST_USE int secret_read(const struct settings_secret *s, char **ret, char *reterr,
                         size_t reterr_size);
void secret_free(char **secret); /* wipes it */
