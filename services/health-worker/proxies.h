/* proxies.h -- which proxies has this machine, and what did each say last? Pure.
 *
 * A proxy says how busy it is (proto/load.h) with every heartbeat; one that was silent for three of
 * them is gone.
 */
#pragma once

#include "proto/load.h"
#include "proto/node_state.h"

#include <stdbool.h>

#define PROXIES_MAX      64
#define PROXIES_PATIENCE NODE_STATE_OFFLINE_AFTER

struct proxies {
    struct {
        uint64_t id, active_requests;
        uint64_t heard; /* the list of workers that was acted upon */
        usec_t seen_at;
        bool is_known; /* else the place is free */
    } of[PROXIES_MAX];
};

/* Returns its place, or that of whoever was silent for longest. */
size_t proxies_note(struct proxies *p, const struct load *l, usec_t now);
bool proxies_is_alive(const struct proxies *p, size_t place, usec_t now);
uint64_t proxies_active_requests(const struct proxies *p, usec_t now);
