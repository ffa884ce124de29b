/* ctl_table.h -- how does a JSON array of objects look as a table on a terminal?
 */
#pragma once

#include "base/json.h"

#include <stdio.h>

struct ctl_table_column {
    const char *title;
    const char *path; /* of the cell in each row's object; an array is joined with commas */
};

/* Columns as wide as their widest cell; control characters become '?', what is called …_bytes is
 * told in KiB to TiB, and what is measured (…_ms, …_seconds, …_percent) with one digit. */
void ctl_table_write(FILE *to, const struct json_value *rows,
                     const struct ctl_table_column *columns, unsigned n_columns);
void ctl_table_print(const struct json_value *rows, const struct ctl_table_column *columns,
                     unsigned n_columns);

/* One object, a line a member. */
void ctl_table_print_object(const struct json_value *object);
