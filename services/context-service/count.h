/* count.h -- how many tokens is what this body holds? */
#pragma once

#include "base/json.h"
#include "tokens/counter.h"

/* A request body: messages and tools and what else a model is asked by, or `text`, a string, alone.
 */
void count_body(struct counter *c, const struct json_value *body, struct count *ret);
void count_messages(struct counter *c, const struct json_value *messages, struct count *ret);
