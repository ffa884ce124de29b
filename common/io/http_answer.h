/* http_answer.h -- how do all three daemons answer with JSON, and on /health and /ready?
 */
#pragma once

#include "base/json_write.h"
#include "io/http_server.h"

/* Limits and patience of a listener for operators: admin, status, metrics. */
extern const struct http_server_config http_answer_operators;

void http_answer_json(struct http_request *r, int status, struct str json);
/* What was written, or 503 when that is more than its buffer may take; releases the buffer. */
void http_answer_written(struct http_request *r, int status, struct json_write *w);

/* 200: the process lives. */
void http_answer_health(struct http_request *r);
/* 200, or 503 with the reason it cannot serve. */
void http_answer_ready(struct http_request *r, const char *reason);

/* {"error":{"message","type","code","param"}} for daemons without a richer table of refusals. */
void http_answer_error(struct http_request *r, int status, const char *code, const char *message);
