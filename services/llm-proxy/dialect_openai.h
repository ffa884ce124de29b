/* dialect_openai.h -- what do the files of the OpenAI dialect share? */
#pragma once

#include "base/json_edit.h"
#include "dialect.h"

/* A chat of another API as a request to /chat/completions. */
enum dialect_result dialect_openai_write(struct arena *a, const struct dialect_request *r,
                                         struct dialect_call *ret);

/* The edited body of the caller, in as many pieces as a call may have. */
enum dialect_result dialect_openai_splice(struct arena *a, const struct json_edit *edit,
                                          struct dialect_call *ret);
