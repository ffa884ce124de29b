/* dialect_ollama.h -- what do the files of Ollama's dialect share? */
#pragma once

#include "base/json_write.h"
#include "dialect.h"

/* A chat of another API as a request to /api/chat. */
enum dialect_result dialect_ollama_write(struct arena *a, const struct dialect_request *r,
                                         struct dialect_call *ret);

/* How long the model stays loaded, if the configuration says. */
void dialect_ollama_write_keep_alive(struct json_write *w, const struct dialect_request *r);

/* Embeddings, by /api/embed. */
enum dialect_result dialect_ollama_embed_write(struct arena *a, const struct dialect_request *r,
                                               struct dialect_call *ret);
bool dialect_ollama_embed_read(struct arena *a, struct str body, struct embed_answer *ret);
