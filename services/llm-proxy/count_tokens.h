/* count_tokens.h -- how many tokens would this message be? (POST /v1/messages/count_tokens)
 *
 * Anthropic's models are counted by their provider; any other's message is estimated here, at once
 * and without a row in the books.
 */
#pragma once

#include "io/http_server.h"

struct worker;

void count_tokens_answer(struct worker *w, struct http_request *r);
