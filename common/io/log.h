/* log.h -- what does the operator read? Structured entries for the journal, JSON lines elsewhere.
 *
 * The log is the process's one global. Entries carry typed fields; control characters never reach
 * a line. base/, proto/ and pure code do not log.
 */
#pragma once

#include "base/macro.h"

#include <stdbool.h>
#include <stdint.h>

enum log_level {
    LOG_LEVEL_ERROR = 3,
    LOG_LEVEL_WARNING = 4,
    LOG_LEVEL_INFO = 6,
    LOG_LEVEL_DEBUG = 7
};
enum log_format { LOG_FORMAT_AUTO, LOG_FORMAT_JOURNAL, LOG_FORMAT_JSON };

/* Names are journal field names: LLM_REQUEST_ID, MESSAGE_ID … A NULL value is left out. */
struct log_field {
    const char *name;
    const char *value;
};

/* AUTO: the journal when stderr is connected to it, JSON lines on stderr otherwise. May be called
 * again to change level or format. `ident` must outlive the process. */
void log_init(const char *ident, enum log_level level, enum log_format format);
void log_close(void);
bool log_is_on(enum log_level level);

/* Entries written so far, by level: for log_messages_total. */
uint64_t log_count(enum log_level level);

/* Entries lost so far because their reader did not keep up; the next one that gets through is
 * followed by a warning with their number. */
uint64_t log_dropped(void);

/* Any thread; waits at most 50 ms for a reader that stopped, and not again until it goes on.
 * `fields` may be NULL; ended by a NULL name. */
void log_write(enum log_level level, const struct log_field *fields, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Between the two, what this thread logs below a warning may wait, to be written to stderr in one
 * piece: a write of its own costs more than the line. A loop holds for each of its turns. */
void log_hold(void);
void log_release(void);

#define log_error(...)   log_write(LOG_LEVEL_ERROR, NULL, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, NULL, __VA_ARGS__)
#define log_info(...)    log_write(LOG_LEVEL_INFO, NULL, __VA_ARGS__)
#define log_debug(...)   log_write(LOG_LEVEL_DEBUG, NULL, __VA_ARGS__)
