/* serve_bus.h -- what is answered on context.sock? */
#pragma once

#include "io/bus.h"

/* on_message of the ROUTER; `service` is the struct context_service. What is no message of ours is
 * dropped and counted, a request whose deadline has passed is dropped, all else is answered. */
void serve_bus_message(void *service, struct bus_socket *socket, const struct bus_message *m);
