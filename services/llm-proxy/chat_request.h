/* chat_request.h -- what does a chat request ask for? (OpenAI API, POST /v1/chat/completions)
 *
 * Reads only what the proxy decides by; everything else passes untouched. Pure.
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct chat_request {
    struct str body;
    const struct json_value *root;
    const struct json_value *model_value;
    const struct json_value *messages;
    struct str model;
    bool is_stream;
    bool wants_usage;       /* stream_options.include_usage of the caller */
    int64_t max_tokens;     /* max_completion_tokens or max_tokens; 0: not given */
    uint64_t prompt_tokens; /* estimated */
};

enum chat_request_result { CHAT_REQUEST_OK = 0, CHAT_REQUEST_NOT_JSON, CHAT_REQUEST_INVALID };

/* On failure *reterr_message is a sentence for the caller and *reterr_param the field or NULL. */
MUST_USE enum chat_request_result chat_request_parse(struct arena *a, struct str body,
                                                     struct chat_request *ret,
                                                     const char **reterr_message,
                                                     const char **reterr_param);
