/* sim_chat.h -- what does a chat request ask of the simulator, whichever dialect it came in?
 *
 * Texts are kept as they are spelled in the JSON, escapes and all: the echo is written back without
 * being decoded, and the token rule counts the same bytes.
 */
#pragma once

#include "base/json.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define SIM_CHAT_MAX_TOOLS 128
#define SIM_CHAT_MAX_STOPS 16

struct sim_chat_tool {
    struct str name;                 /* as spelled, without quotes */
    const struct json_value *schema; /* of its arguments; NULL: none */
};

struct sim_chat {
    struct str model;      /* decoded */
    struct str text;       /* of the last message, as spelled, without quotes */
    uint64_t prompt_bytes; /* of all texts: system prompt, messages, tool results */
    bool is_stream, wants_usage, wants_logprobs;
    bool is_array;                   /* a stream that is one JSON array */
    const char *only_reason;         /* nothing is asked: the end alone is told, for this reason */
    bool must_call;                  /* a tool, whatever the script says */
    bool wants_json;                 /* structured output … */
    const struct json_value *schema; /* … of this schema; NULL: any */
    struct sim_chat_tool tools[SIM_CHAT_MAX_TOOLS];
    struct str stops[SIM_CHAT_MAX_STOPS]; /* as spelled, without quotes */
    size_t n_tools, n_stops;
    char files[128]; /* " [image/png 68]" for each file of the last message */
};

/* The rule: a token for every four bytes begun. */
uint64_t sim_chat_tokens(uint64_t bytes);
