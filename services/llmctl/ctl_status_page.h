/* ctl_status_page.h -- how does /cluster/status look to people: as tables, and as one line?
 */
#pragma once

#include "base/json.h"

#include <stdio.h>

void ctl_status_page_write(FILE *to, struct arena *a, const struct json_value *status);
/* How many of what are well. */
void ctl_status_page_line(FILE *to, struct arena *a, const struct json_value *status);
