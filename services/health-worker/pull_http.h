/* pull_http.h -- how does a file come over HTTP, through redirects, broken connections and
 * restarts?
 */
#pragma once

#include "pull_job.h"

/* On the job's thread and loop; says how it ended in the job. A connection that breaks is taken up
 * where it broke (Range), again and again for as long as something comes. */
void pull_http_run(struct pull_job *j);
