/* chat.h -- what is a chat, whichever API spells it?
 *
 * The form between the API a caller speaks and a provider's dialect when the two differ; in one
 * dialect nothing is taken apart. All text is decoded and, like every list, borrowed from the body
 * or the request's arena; an empty str is "not given". Pure.
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"
#include "chat_feature.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum chat_role { CHAT_SYSTEM, CHAT_USER, CHAT_ASSISTANT, CHAT_TOOL };

enum chat_part_kind {
    CHAT_PART_TEXT,
    CHAT_PART_REFUSAL,
    CHAT_PART_THINKING,
    CHAT_PART_REDACTED_THINKING, /* `text` is the provider's opaque data */
    CHAT_PART_IMAGE,
    CHAT_PART_AUDIO,
    CHAT_PART_FILE,
    CHAT_PART_TOOL_CALL,
    CHAT_PART_TOOL_RESULT,
};

struct chat_part {
    enum chat_part_kind kind;
    const struct chat_part *next;
    struct str text;
    struct str signature;             /* thinking, text, tool call: the provider's proof */
    struct str id, name;              /* tool call; tool result: the call's id, its name */
    struct str arguments;             /* tool call: a JSON object as text */
    struct str media_type, data, url; /* image, audio, file: base64 data, or where it is */
    struct str detail;                /* image: low, high, auto; file: its name */
    bool is_error;                    /* tool result */
    const struct chat_part *content;  /* tool result */
    struct str cache_control;         /* JSON: the caller marks a prefix for the cache */
};

struct chat_message {
    enum chat_role role;
    const struct chat_message *next;
    const struct chat_part *parts;
    struct str name;
};

struct chat_tool {
    const struct chat_tool *next;
    struct str name, description;
    struct str schema; /* JSON Schema of the arguments; empty: none given */
    bool is_strict;
    struct str cache_control;
};

enum chat_tool_choice {
    CHAT_CHOICE_UNSET,
    CHAT_CHOICE_AUTO,
    CHAT_CHOICE_NONE,
    CHAT_CHOICE_ANY,
    CHAT_CHOICE_NAMED
};
enum chat_format { CHAT_FORMAT_TEXT, CHAT_FORMAT_JSON, CHAT_FORMAT_SCHEMA };
enum chat_tristate { CHAT_UNSET, CHAT_NO, CHAT_YES };

#define CHAT_MAX_STOPS 16

struct chat {
    bool is_stream;
    bool wants_usage; /* in the stream */
    const struct chat_message *messages;
    const struct chat_tool *tools;
    enum chat_tool_choice tool_choice;
    struct str tool_choice_name;
    enum chat_tristate parallel_tool_calls;
    int64_t max_tokens; /* of the answer; 0: not given */
    /* numbers as the caller spelled them */
    struct str temperature, top_p, top_k, min_p, seed;
    struct str frequency_penalty, presence_penalty, repetition_penalty;
    struct str stops[CHAT_MAX_STOPS];
    size_t n_stops;
    int64_t n; /* answers wanted; at least 1 */
    bool wants_logprobs;
    int64_t top_logprobs;
    struct str logit_bias; /* JSON */
    enum chat_format format;
    struct str format_name, format_schema; /* of CHAT_FORMAT_SCHEMA: a name, JSON Schema */
    bool is_format_strict;
    struct str effort;       /* none, minimal, low, medium, high, xhigh */
    int64_t thinking_tokens; /* the most to think: -1 not given, 0 off */
    struct str verbosity;    /* low, medium, high */
    struct str user;         /* the caller's name for its user */
    struct str service_tier;
    struct str metadata; /* JSON: notes of the caller, said again in an answer that does so */
};

/* Append to a list that begins at *first; `last` is kept by the caller, *last == NULL before the
 * first. NULL when the arena is full. */
struct chat_message *chat_add_message(struct arena *a, const struct chat_message **first,
                                      struct chat_message **last, enum chat_role role);
struct chat_part *chat_add_part(struct arena *a, const struct chat_part **first,
                                struct chat_part **last, enum chat_part_kind kind);

/* The tokens to think when only an effort was given, and the other way round; the table is in
 * docs/API.md. -1 and empty when neither was. */
int64_t chat_thinking_tokens(const struct chat *c);
struct str chat_effort(const struct chat *c);
