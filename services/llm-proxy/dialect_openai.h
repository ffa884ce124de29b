/* dialect_openai.h -- what do the files of the OpenAI dialect share? */
#pragma once

#include "dialect.h"

/* A chat of another API as a request to /chat/completions. */
enum dialect_result dialect_openai_write(struct arena *a, const struct dialect_request *r,
                                         struct dialect_call *ret);

/* What the readers of /chat/completions, /completions and /responses share. */

/* The caller's body with its model replaced and, in streams, with usage asked for; ret->path is
 * set before. */
enum dialect_result dialect_openai_forward(struct arena *a, const struct dialect_request *r,
                                           struct dialect_call *ret);
/* False when `data` is no event of this dialect. *ret_root is NULL when all is said: the end mark,
 * an error. */
bool dialect_openai_open(struct str data, const struct json_value **ret_root,
                         struct chat_events *ret);
void dialect_openai_read_usage(const struct json_value *root, struct chat_events *ret);
/* The object itself: prompt_tokens, … */
void dialect_openai_add_usage(const struct json_value *usage, struct chat_events *ret);
uint32_t dialect_openai_index(const struct json_value *v, uint32_t max);
enum chat_finish dialect_openai_finish(struct str reason);
struct str dialect_openai_read_error(struct arena *a, struct str body);
