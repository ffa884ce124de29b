/* sim_server.h -- how do the simulator's connections read, wait, write and break?
 *
 * Reading never stops, so a peer that leaves is seen and timed at once, whatever the answer is
 * doing.
 */
#pragma once

#include "base/macro.h"
#include "io/loop.h"
#include "sim_control.h"

struct sim_server;

/* Takes over the listening socket. `plain`: bodies are not looked at, every POST gets the command
 * line's script; for benchmarks. */
MUST_USE int sim_server_new(struct loop *l, struct sim_control *control, int fd, bool plain,
                            struct sim_server **ret);
void sim_server_free(struct sim_server **s); /* closes every connection */
