/* dialect_ollama.h -- what do the files of Ollama's dialect share? */
#pragma once

#include "dialect.h"

/* A chat of another API as a request to /api/chat. */
enum dialect_result dialect_ollama_write(struct arena *a, const struct dialect_request *r,
                                         struct dialect_call *ret);
