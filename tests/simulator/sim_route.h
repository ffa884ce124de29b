/* sim_route.h -- which dialect is a chat request in? Its path says so. */
#pragma once

#include "sim_dialect.h"
#include "sim_http.h"

/* NULL when it is no chat. */
const struct sim_dialect *sim_route_chat(const struct sim_http_request *request);
bool sim_route_ends_with(struct str s, const char *end);
