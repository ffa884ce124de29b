/* log_line.h -- how does one log entry look on the wire? A JSON line, or a datagram for the
 * journal.
 *
 * Whatever the texts hold, control characters, line separators, direction overrides and bytes that
 * are not UTF-8 never come out raw. Too much text is cut, never an error.
 */
#pragma once

#include "base/clock.h"
#include "io/log.h"

#include <stddef.h>

/* A pipe takes that much in one piece, so that lines of several processes never mix. */
#define LOG_LINE_MAX 4096

struct log_line {
    const char *ident;
    enum log_level level;
    usec_t wall;
    const struct log_field *fields; /* may be NULL */
    const char *message;
};

/* Both return the length, at most LOG_LINE_MAX. */
size_t log_line_json(const struct log_line *l, char ret_text[LOG_LINE_MAX]); /* ends in '\n' */
size_t log_line_journal(const struct log_line *l, char ret_text[LOG_LINE_MAX]);
