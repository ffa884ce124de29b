/* fleet_bus.h -- how do the workers of this machine speak with the rest: bus, HTTP, monitor?
 */
#pragma once

#include "base/str.h"
#include "fleet.h"
#include "io/bus.h"
#include "io/http_server.h"
#include "proto/control.h"

#include <stdbool.h>

struct service;

/* Before the first configuration. */
void fleet_bus_start(struct service *s);

/* The list, if there are or were any workers. */
void fleet_bus_publish(void *service);

/* A control request about a worker; *ret_problem is NULL, or what is wrong. False: not our verb. */
MUST_USE bool fleet_bus_obey(struct service *s, const struct control_request *r,
                             const char **ret_problem);

/* POST /workers/{name}/{verb} (an http_route_fn; `tail` is "name/verb"). */
void fleet_bus_answer(void *service, struct http_request *r, struct str tail);
