/* learner.h -- what becomes of the bills that proxies report?
 *
 * Each teaches the estimator of its model, the proxy is told what is known now, and every ten
 * seconds what is new is written, on a thread of the pool.
 */
#pragma once

#include "estimators.h"
#include "io/bus.h"
#include "io/loop.h"
#include "io/offload.h"

struct context_service;

struct learner {
    struct estimators *estimators;
    struct loop_timer timer;
    struct offload_task save;
    bool is_saving;
};

void learner_start(struct context_service *s);
void learner_stop(struct context_service *s); /* nothing is under way in the pool any more */

/* A MESSAGE_BILLED of the peer with this routing id. */
void learner_take(struct context_service *s, struct bus_socket *socket, struct str routing_id,
                  struct str body);
