/* json_skim.h -- what is one member of a huge object, without an index of all the rest?
 *
 * For answers of many megabytes (vectors, pictures) of which one small member is of interest. Only
 * strings and brackets are matched: what else is wrong with the text is not noticed. Pure.
 */
#pragma once

#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>

/* The value of a member of the outermost object as it is spelled. False when the text is no whole
 * object (cut short, something behind it), or has no such member; `key` is compared as spelled. The
 * first of several counts. */
MUST_USE bool json_skim_member(struct str text, const char *key, struct str *ret);

/* The elements of an array as they are spelled, one a call; *cursor begins at 0. False at the end,
 * and where the text is no array: a caller who knows how many there must be counts. */
MUST_USE bool json_skim_element(struct str array, size_t *cursor, struct str *ret);

/* An object or an array with nothing behind it. */
bool json_skim_is_whole(struct str text);
