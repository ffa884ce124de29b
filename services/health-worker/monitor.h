/* monitor.h -- how is every configured provider, and who is told when that changes?
 *
 * Probes each on its own schedule (at most MONITOR_MAX_PROBES at once), merges what the proxies
 * report of real traffic, and calls back on every change of state. Providers keep their verdicts
 * over a reload, and over a restart if it is short.
 */
#pragma once

#include "base/json_write.h"
#include "base/metrics.h"
#include "history.h"
#include "io/fetch.h"
#include "io/loop.h"
#include "proto/health.h"
#include "proto/outcome.h"
#include "settings/settings.h"
#include "verdict.h"

#include <stdbool.h>
#include <stddef.h>

#define MONITOR_MAX_PROBES 128 /* more wait for their turn */

struct monitor;

/* One provider's state changed from `before`, or, with the state as it was, its engine's load. */
typedef void (*monitor_change_fn)(void *arg, const struct health_provider *p,
                                  enum health_state before);

struct monitor_tools { /* all borrowed for good */
    struct loop *loop;
    struct fetch_pool *fetches;
    struct metrics_shard *shard;
    struct history *history;
};

struct monitor *monitor_new(const struct monitor_tools *tools, monitor_change_fn on_change,
                            void *arg);
void monitor_free(struct monitor **m);

/* Watch the providers of `s`, which must stay until the next call. A credential that cannot be read
 * is logged and the provider probed without it. */
void monitor_configure(struct monitor *m, const struct settings *s);

void monitor_outcome(struct monitor *m, const struct outcome *o);

/* Probe now: one provider, or all when `name` is empty. False: no such provider. */
bool monitor_check(struct monitor *m, struct str name);

/* A provider that is not running, and is not meant to, is not probed and nothing is known of it. */
void monitor_set_asleep(struct monitor *m, struct str name, bool is_asleep);

/* Everything as it is now; texts are borrowed until the next turn. */
void monitor_snapshot(struct monitor *m, struct health_snapshot *ret);
bool monitor_find(struct monitor *m, struct str name, struct health_provider *ret);

/* Members "traffic", "changes" and "probes" of an object already begun. */
void monitor_write_history(struct monitor *m, struct str name, struct json_write *w);
