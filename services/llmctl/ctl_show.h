/* ctl_show.h -- how is an answer shown: as a table, or with --json as it came?
 */
#pragma once

#include "ctl_command.h"
#include "ctl_table.h"

/* GET `path` and show its rows. Returns the exit status. */
int ctl_show_rows(struct ctl_context *c, const char *path, const struct ctl_table_column *columns,
                  unsigned n_columns);
/* GET `path` and show its object, a line a member. */
int ctl_show_object(struct ctl_context *c, const char *path);
void ctl_show_raw(const struct ctl_answer *a);
