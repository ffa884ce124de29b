/* chat_event.h -- what does an answer say, piece by piece, whichever dialect spells it?
 *
 * A provider's stream and its whole answer are read into the same events, and written from them in
 * the caller's API. In order: START, once per choice where the provider says so; content; FINISH
 * per choice; USAGE whenever known (the last one counts); DONE. Text is decoded and borrowed from
 * the frame or the arena. Pure.
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHAT_MAX_CHOICES 64
#define CHAT_MAX_TOOLS   128 /* calls in one answer */

enum chat_event_kind {
    CHAT_START,     /* id, name = model as the provider calls it; either may be empty */
    CHAT_TEXT,      /* text; signature if any, then the text may be empty */
    CHAT_REFUSAL,   /* text: the model declines */
    CHAT_THINKING,  /* text; id where the provider knows it by one, as in the next */
    CHAT_SIGNATURE, /* text: proof of the thinking before it, which it ends */
    CHAT_REDACTED,  /* text: opaque thinking, whole */
    CHAT_TOOL_CALL, /* tool, id, name; signature if any. Its arguments follow. */
    CHAT_ARGUMENTS, /* tool, text: the next piece of JSON text */
    CHAT_LOGPROBS,  /* text: JSON, in OpenAI's shape of choices[].logprobs */
    CHAT_FINISH,    /* finish; text = the stop sequence met, if the provider says */
    CHAT_USAGE,     /* usage */
    CHAT_ERROR,     /* in-band error of the provider; text = its message */
    CHAT_DONE,      /* the provider's own end mark */
};

enum chat_finish {
    CHAT_FINISH_STOP,
    CHAT_FINISH_LENGTH,
    CHAT_FINISH_TOOL_CALLS,
    CHAT_FINISH_FILTER, /* content filter, safety, recitation */
    CHAT_FINISH_PAUSE,  /* the provider wants to be called again */
};

struct chat_usage {
    int64_t input, output;       /* input includes cached and cache_write, output reasoning */
    int64_t cached, cache_write; /* read from, written to the provider's cache */
    int64_t reasoning;
    bool is_partial; /* said when the answer began: its output is still to come */
    bool is_local;   /* our own count: the provider gave none */
};

/* A provider that tells of more tokens than there can be is not believed. */
bool chat_event_is_credible(const struct chat_usage *u);
/* What was used before, too; whether it is partial stays as it is. */
void chat_event_add_usage(struct chat_usage *sum, const struct chat_usage *u);

struct chat_event {
    enum chat_event_kind kind;
    uint32_t choice; /* < CHAT_MAX_CHOICES */
    uint32_t tool;   /* of TOOL_CALL and ARGUMENTS: 0, 1, … in the choice */
    struct str text, id, name, signature;
    enum chat_finish finish;
    struct chat_usage usage;
    const struct chat_event *next;
};

struct chat_events {
    const struct chat_event *first;
    struct chat_event *last;
    struct arena *arena;
    bool is_full; /* the arena: the list is not whole */
};

void chat_event_list_init(struct chat_events *e, struct arena *a);

/* Append one; never NULL: when the arena is full it is remembered and a stand-in returned. */
struct chat_event *chat_event_add(struct chat_events *e, enum chat_event_kind kind);
struct chat_event *chat_event_add_text(struct chat_events *e, enum chat_event_kind kind,
                                       struct str text);

/* Likewise, but nothing when the text is empty, or no string. */
void chat_event_add_string(struct chat_events *e, enum chat_event_kind kind,
                           const struct json_value *string);
void chat_event_add_arguments(struct chat_events *e, uint32_t tool, struct str text);

/* Append one of another list, which gives it up. */
void chat_event_append(struct chat_events *e, struct chat_event *event);

/* Leave out what is said of the calls from number `n` of each choice on. */
void chat_event_drop_calls(struct chat_events *e, uint32_t n);
