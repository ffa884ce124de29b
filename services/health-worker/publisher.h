/* publisher.h -- how does what this node has to say reach those who listen?
 *
 * A PUB socket on health.sock, and one with CURVE at health.publish for other machines. Messages
 * are numbered; who subscribes can be told everything at once.
 */
#pragma once

#include "base/metrics.h"
#include "io/bus.h"
#include "io/loop.h"
#include "proto/health.h"
#include "proto/message.h"
#include "settings/settings.h"

struct publisher;

/* Somebody has subscribed. */
typedef void (*publisher_hello_fn)(void *arg);

MUST_USE int publisher_new(struct bus *b, struct loop *l, const char *runtime,
                           publisher_hello_fn hello, void *arg, struct publisher **ret);
void publisher_free(struct publisher **p);

/* Open, move or close what other machines subscribe to, if that has changed; peers that are no
 * longer let in lose their connection. Borrows `s` until the next call. -errno with `reterr`
 * filled; -EADDRINUSE is tried again for a while, for it may be we who just left the place. */
MUST_USE int publisher_configure(struct publisher *p, const struct settings *s, char *reterr,
                                 size_t reterr_size);

/* Fills in who says so, and when. `more` is a raw frame of JSON, or empty. */
void publisher_tell(struct publisher *p, enum message_type type, struct health_snapshot *s,
                    struct str more);
/* To everybody, as it is. */
void publisher_send(struct publisher *p, const struct bus_message *m);

/* What the sockets did since the last call. */
void publisher_count(struct publisher *p, struct metrics_shard *shard);
