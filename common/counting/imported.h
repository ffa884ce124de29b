/* imported.h -- which tables did an operator import, and for which models?
 *
 * A file NAME.models beside NAME.table has a pattern of models' names a line, as a shell has them,
 * in letters of either case.
 */
#pragma once

#include "base/macro.h"
#include "base/str.h"
#include "tokens/vocab.h"

#include <stdbool.h>
#include <stddef.h>

struct imported {
    char name[VOCAB_NAME];
    char *globs; /* the file's text */
};

/* Those in `folder`, at most `max`, by name. Returns their number; done with one, free its globs.
 */
size_t imported_list(const char *folder, struct imported *ret, size_t max);

bool imported_is_for(const char *globs, struct str model);
