/* bus.h -- how do the daemons' messages travel? ZeroMQ sockets on a loop.
 *
 * Bounded (HWM), never blocking, never lingering. A message is up to BUS_MAX_FRAMES frames; what
 * the frames mean is proto/'s business. ipc sockets are 0660; tcp without CURVE is refused unless
 * it is loopback.
 */
#pragma once

#include "base/macro.h"
#include "base/str.h"
#include "io/loop.h"

#include <stdbool.h>
#include <stddef.h>

#define BUS_MAX_FRAMES  6
#define BUS_MAX_MESSAGE (64u << 20)

enum bus_result { BUS_OK = 0, BUS_FULL /* the peer is absent or slow; nothing was sent */ };
enum bus_pattern { BUS_DEALER, BUS_ROUTER, BUS_PUB, BUS_SUB, BUS_PUSH, BUS_PULL };

struct bus;        /* one per process */
struct bus_socket; /* one thread's */

struct bus_message {
    struct str frame[BUS_MAX_FRAMES];
    size_t n;
};

/* Who binds lets in the peers whose public keys are `allowed`; without any, those that hold the
 * same pair, so that one pair can serve a fleet. */
struct bus_curve {
    const char *public_key, *secret_key; /* Z85, 40 characters */
    const char *server_key;              /* of the peer, for connecting; NULL: public_key */
    const char *const *allowed;
    size_t n_allowed;
};

/* Frames are borrowed until the callback returns. */
typedef void (*bus_message_fn)(void *arg, struct bus_socket *s, const struct bus_message *m);

MUST_USE int bus_new(struct bus **ret);
void bus_free(struct bus **b); /* every socket must be closed */

struct bus_socket_config {
    enum bus_pattern pattern;
    const char *endpoint;
    bool do_bind;
    int high_water;                /* messages; 0: 1000 */
    const struct bus_curve *curve; /* NULL: none */
    bus_message_fn on_message;     /* NULL for PUSH; for PUB, called when somebody subscribes */
    void *arg;
};

/* Connecting does not wait for the peer, who may come and go. -EPERM: clear text would leave the
 * host; -EADDRINUSE: another process serves this endpoint (a dead one's ipc file is replaced). */
MUST_USE int bus_socket_new(struct bus *b, struct loop *l, const struct bus_socket_config *config,
                            struct bus_socket **ret);
void bus_socket_free(struct bus_socket **s); /* not from its own callback */

/* Sends all frames or none. For a ROUTER the first frame is the routing id. Counts what it drops,
 * except that a PUB never refuses: a subscriber that is slow misses messages. */
MUST_USE enum bus_result bus_socket_send(struct bus_socket *s, const struct bus_message *m);

/* For DEALER and PUSH: somebody is connected who answers heartbeats and whose queue has room. */
bool bus_socket_has_peer(struct bus_socket *s);

struct bus_stats {
    unsigned long long sent, received, dropped_full, dropped_invalid;
    unsigned long long refused_key;       /* peers, over tcp: with a key that is not let in … */
    unsigned long long refused_handshake; /* … that speak no CURVE, or not with the right server */
};
struct bus_stats bus_socket_stats(const struct bus_socket *s);
/* The caller found a message that proto/ does not understand. */
void bus_socket_count_invalid(struct bus_socket *s);

/* Where it is bound: "tcp://127.0.0.1:40123" after binding to port 0 ("tcp://127.0.0.1:*"). */
MUST_USE int bus_socket_endpoint(const struct bus_socket *s, char *ret_text, size_t size);
