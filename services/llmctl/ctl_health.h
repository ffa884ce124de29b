/* ctl_health.h -- how does a command ask the health-worker of this machine?
 *
 * Over HTTP, at health.listen of the configuration at hand, else where it listens by default.
 */
#pragma once

#include "ctl_command.h"

/* False: the reason is on stderr. Free it as any client. */
MUST_USE bool ctl_health_connect(const struct ctl_context *c, struct ctl_client **ret);
