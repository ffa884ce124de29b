/* answer_head.h -- which headers go with an answer to the client?
 *
 * Only ours: nothing of the provider's head is passed on.
 */
#pragma once

#include "io/http_server.h"

#include <stdbool.h>
#include <stddef.h>

#define ANSWER_HEAD_MAX 20

struct exchange;

/* Fills `headers` (up to ANSWER_HEAD_MAX); values live in the exchange's arena. */
size_t answer_head_write(struct exchange *x, const char *content_type,
                         struct http_header *ret_headers);

/* x-llm-cost-usd: known only when the answer is whole. Returns the new number of headers. */
size_t answer_head_add_cost(struct exchange *x, struct http_header *ret_headers, size_t n);
