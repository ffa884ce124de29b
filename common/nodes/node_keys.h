/* node_keys.h -- with which keys does this machine's bus talk to others?
 */
#pragma once

#include "base/macro.h"
#include "io/bus.h"
#include "settings/settings.h"

struct node_keys {
    char *secret;           /* NULL: none are configured, and tcp is for the loopback */
    struct bus_curve curve; /* the other texts are borrowed from the settings */
};

/* Reads the secret and sees that it belongs to the public key. -errno with `reterr` filled, which
 * tells nothing of the secret. */
MUST_USE int node_keys_read(const struct settings *s, struct node_keys *ret, char *reterr,
                            size_t reterr_size);
void node_keys_done(struct node_keys *k);

/* For a socket that binds, or connects to a peer with the key `server` (NULL: it holds the same
 * pair); NULL when there are none. */
const struct bus_curve *node_keys_for(struct node_keys *k, const char *server);
