/* cut.h -- where does the next unit of a text end, so that nothing that belongs together is torn?
 *
 * At the ends of lines and sentences; in what has neither, at a blank or a comma; else between two
 * characters that do not make up one sign.
 */
#pragma once

#include "base/str.h"

/* Length of the first unit of `rest`, which does not begin with a blank line; its last byte is no
 * newline. */
size_t cut_line(struct str rest);     /* a line; short ones are taken together */
size_t cut_sentence(struct str rest); /* a few sentences of one paragraph */
size_t cut_question(struct str rest); /* one sentence */

/* About the first `max` bytes, to the end of a sign; all of a text that is not longer. */
size_t cut_prefix(struct str text, size_t max);

/* Spaces, tabs and newlines at the start. */
size_t cut_blanks(struct str rest);
