/* settings_scalar.h -- how is one value of the configuration spelt, and what may it be?
 *
 * Works on every row that is not a map, a list or a secret.
 */
#pragma once

#include "base/buf.h"
#include "base/macro.h"
#include "settings/settings_table.h"

#include <stdbool.h>

/* Puts what `text` means into the field; a text is borrowed. False leaves the field as it was. */
MUST_USE bool settings_scalar_read(const struct settings_row *row, const char *text, void *base);

/* What would have been right, to stand behind "must be": "1 to 64 or auto". */
MUST_USE enum buf_result settings_scalar_explain(const struct settings_row *row, struct buf *out);

/* Not given and without a default: NULL, an unknown price. */
bool settings_scalar_is_absent(const struct settings_row *row, const void *base);

/* As settings_scalar_read() reads it; texts in quotes. */
MUST_USE enum buf_result settings_scalar_print(const struct settings_row *row, const void *base,
                                               struct buf *out);
MUST_USE enum buf_result settings_scalar_quote(const char *text, struct buf *out);
