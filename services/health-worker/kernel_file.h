/* kernel_file.h -- what does this small file of /proc or /sys say?
 */
#pragma once

#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct kernel_file {
    char text[8192]; /* longer files are cut */
    size_t len;
};

/* False if it cannot be read. The name is put together from `format`. */
MUST_USE bool kernel_file_read(struct kernel_file *f, const char *format, ...) PRINTF_LIKE(2, 3);

struct str kernel_file_line(const struct kernel_file *f); /* the first, trimmed */

/* What follows `key` in a line that begins with it ("MemTotal:", "PCI_ID="), trimmed; empty
 * when there is none. */
struct str kernel_file_value(const struct kernel_file *f, const char *key);

/* A file that holds one number (in decimal, or in hexadecimal after 0x); NAN when there is none. */
double kernel_file_number(const char *format, ...) PRINTF_LIKE(1, 2);
