/* dialect_bedrock.h -- what do the files of the Bedrock dialect (Converse) share? */
#pragma once

#include "base/json_write.h"
#include "dialect.h"

/* Whose model it is: what Converse has no words of its own for is said in theirs. */
enum dialect_bedrock_family { BEDROCK_CLAUDE, BEDROCK_NOVA, BEDROCK_GPT, BEDROCK_OTHER };

enum dialect_result dialect_bedrock_write(struct arena *a, const struct dialect_request *r,
                                          struct dialect_call *ret);

/* Members `system` and `messages` of a request. False when the arena is full. */
MUST_USE bool dialect_bedrock_turns_write(struct json_write *w, struct arena *a,
                                          const struct chat *c, enum dialect_bedrock_family family);
/* What of the conversation cannot be said. */
enum chat_feature dialect_bedrock_turns_cannot(const struct chat *c);
/* A mark for the cache after what it marks, for models that have one. */
void dialect_bedrock_turns_mark(struct json_write *w, struct arena *a, struct str cache_control,
                                enum dialect_bedrock_family family);
