/* chat_request.h -- what does a request ask for that the proxy decides by?
 *
 * What all APIs have in common is read here, the rest by the caller's API (inbound.h); everything
 * else passes untouched. Pure.
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
    const struct json_value *root; /* parsed */
    const struct json_value *model_value;
    struct str model;
    bool is_stream;
    /* by inbound->read_request */
    const struct json_value *messages; /* NULL: this API has none */
    bool wants_usage;                  /* in the stream */
    int64_t max_tokens;                /* of the answer; 0: not given */
    uint64_t prompt_tokens;            /* estimated */
    /* of an API that is passed through: passthrough.h */
    const char *path;        /* behind the provider's base_url */
    struct str content_type; /* of a form, which has no root; empty: JSON */
    struct str form_model;   /* where the model stands in it */
};

enum chat_request_result { CHAT_REQUEST_OK = 0, CHAT_REQUEST_NOT_JSON, CHAT_REQUEST_INVALID };

/* A JSON object with `model` and perhaps `stream`.
 * On failure *reterr_message is a sentence for the caller and *reterr_param the field or NULL. */
MUST_USE enum chat_request_result chat_request_parse(struct arena *a, struct str body,
                                                     struct chat_request *ret,
                                                     const char **reterr_message,
                                                     const char **reterr_param);

/* Absent and null are the same to every API here: NULL for both. */
const struct json_value *chat_request_field(const struct json_value *object, const char *key);
