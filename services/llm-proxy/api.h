/* api.h -- which requests does the API listener take, and who answers them?
 */
#pragma once

#include "io/http_server.h"

/* The handler of a worker's http_server; its `arg` is the struct worker. */
extern const struct http_server_handler api_handler;
