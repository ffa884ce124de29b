/* bus_curve.h -- who may be at the other end of a bus socket? Private to bus.c.
 *
 * libzmq asks a doorman (ZAP, RFC 27) about every key. Each server has a door of its own with him,
 * whose number is its ZAP domain: the list of the keys that are let in there.
 */
#pragma once

#include "base/macro.h"
#include "io/bus.h"

struct bus_curve_doorman;

/* The thread that answers libzmq's questions in this zmq context. Free it after
 * zmq_ctx_shutdown(), which is what ends it, and before zmq_ctx_term(). */
MUST_USE int bus_curve_doorman_new(void *zmq_context, struct bus_curve_doorman **ret);
void bus_curve_doorman_free(struct bus_curve_doorman **d);

/* 0 for ipc, inproc and tcp on the loopback, and for any tcp with keys; -EPERM for clear text that
 * would leave the host; -EPROTONOSUPPORT for any other transport. */
MUST_USE int bus_curve_check(const char *endpoint, const struct bus_curve *keys);

/* A door for the peers that `keys` lets in; its number is never 0. -EINVAL: a key is none. */
MUST_USE int bus_curve_doorman_open(struct bus_curve_doorman *d, const struct bus_curve *keys,
                                    unsigned *ret_door);
void bus_curve_doorman_close(struct bus_curve_doorman *d, unsigned door);

/* Put the keys on a socket before it binds as the server behind `door`, or connects (0). */
MUST_USE int bus_curve_apply(void *zmq_socket, const struct bus_curve *keys, unsigned door);
