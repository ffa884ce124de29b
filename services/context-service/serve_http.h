/* serve_http.h -- what is answered on context.listen? */
#pragma once

#include "io/http_server.h"

/* Its arg is the struct context_service. */
extern const struct http_server_handler serve_http_handler;
