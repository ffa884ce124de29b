/* count_tokens.h -- how many tokens would this message be? (POST /v1/messages/count_tokens)
 *
 * Anthropic's models are counted by their provider; any other's message is counted here, without
 * a row in the books: by the model's table, if there is one, else estimated.
 */
#pragma once

#include "io/http_server.h"

struct worker;

void count_tokens_answer(struct worker *w, struct http_request *r);

/* The client left before its message was counted; nothing happens if that is not so. */
void count_tokens_gone(struct worker *w, struct http_request *r);
/* The worker ends. */
void count_tokens_abandon(struct worker *w);
