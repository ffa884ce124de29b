/* settings_files.h -- are the files that the configuration names there, and for whom?
 *
 * Secrets that are kept in files, certificates and keys, authorities, prices. What is in a variable
 * or a systemd credential only the service itself can see.
 */
#pragma once

#include "base/macro.h"
#include "settings/settings.h"

#include <stddef.h>

/* 0; 1 when one of them will not do, and `reterr` says "file:line:column: what". */
MUST_USE int settings_files_check(const struct settings *s, char *reterr, size_t reterr_size);

/* `fn` is told of each secret that every user of the machine can read, in words for the operator.
 */
typedef void (*settings_files_fn)(const char *text);
void settings_files_find_exposed(const struct settings *s, settings_files_fn fn);
