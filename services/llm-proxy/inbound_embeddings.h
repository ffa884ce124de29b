/* inbound_embeddings.h -- what of POST /v1/embeddings is not a chat's?
 *
 * Requests for providers of other dialects in one form, and their vectors in OpenAI's words. Pure.
 */
#pragma once

#include "embed.h"
#include "inbound.h"

/* As inbound->read_chat. */
MUST_USE bool inbound_embeddings_read(struct arena *a, const struct json_value *root,
                                      struct embed *ret, struct inbound_fault *reterr);

/* BUF_FULL also when a vector is no array of numbers. */
MUST_USE enum buf_result inbound_embeddings_write(const struct inbound_answer *answer,
                                                  const struct embed *asked,
                                                  const struct embed_answer *vectors,
                                                  struct buf *out);
