/* ctl_daemon.h -- how does a command ask the health-worker or the context-service of this machine?
 *
 * Over HTTP, where it listens by the configuration at hand, else by default.
 */
#pragma once

#include "ctl_command.h"

/* False: the reason is on stderr. Free it as any client. */
MUST_USE bool ctl_daemon_context(const struct ctl_context *c, struct ctl_client **ret);
MUST_USE bool ctl_daemon_health(const struct ctl_context *c, struct ctl_client **ret);
