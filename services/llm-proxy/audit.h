/* audit.h -- how does what happens get into the audit trail without anybody waiting for it?
 *
 * Any thread leaves a record in a queue, a copy under a lock that is never held across I/O; a
 * thread of its own seals and writes it, within some milliseconds, and syncs once a second, or at
 * once what is critical. A full disk stops nothing: records wait in the queue (4 MiB), then they
 * are dropped, counted, and their number becomes a record itself once there is room. A second
 * thread verifies the whole trail at start and packs and deletes old files.
 */
#pragma once

#include "base/macro.h"
#include "base/metrics.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct audit;

struct audit_config {
    const char *logs_dir,
        *state_dir; /* the trail is logs_dir/audit, its key and head in the other */
    unsigned compress_days, retention_days;
    struct metrics_shard *shard; /* the audit thread's alone; NULL: nothing is counted */
};

/* -errno with `reterr` filled: without its trail the service does not start. */
MUST_USE int audit_start(const struct audit_config *c, struct audit **ret, char *reterr,
                         size_t reterr_size);
void audit_stop(struct audit **a); /* writes what is queued, as far as it can */
void audit_set_days(struct audit *a, unsigned compress_days, unsigned retention_days);

/* Thread-safe; `a` NULL: there is no trail. `event` is a constant, `data` a JSON object on one line
 * of at most 4 KiB. */
void audit_write(struct audit *a, const char *event, struct str data);
void audit_write_critical(struct audit *a, const char *event, struct str data);
/* Of what may come in floods, the same event and data: the first at once, how often it came again
 * (`"count"`) every ten seconds. `data` has at most 200 bytes. */
void audit_repeat(struct audit *a, const char *event, struct str data);

/* Pack and delete now what is old enough. */
void audit_prune(struct audit *a);
const char *audit_folder(const struct audit *a);
