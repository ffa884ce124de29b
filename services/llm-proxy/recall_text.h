/* recall_text.h -- how is a tool offered that gives back what was left out of a conversation, and
 * what follows when the model calls it?
 *
 * All in the words of the API that the caller speaks, so that a provider of any dialect is asked
 * and answers as for a tool of the caller's own. The caller never sees the tool. Pure.
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

#define RECALL_TEXT_NAME       "retrieve_omitted"
#define RECALL_TEXT_MAX_CALLS  8 /* in one answer */
#define RECALL_TEXT_MAX_ROUNDS 4

enum recall_text_api { RECALL_TEXT_CHAT, RECALL_TEXT_MESSAGES, RECALL_TEXT_RESPONSES };

struct recall_text_call {
    struct str id;  /* as spelled, with its quotes */
    struct str key; /* of the block; empty: none that could be read */
    struct str result;
};

struct recall_text_calls {
    const struct json_value *answer; /* that they stand in */
    struct recall_text_call of[RECALL_TEXT_MAX_CALLS];
    size_t n;
    bool has_others;   /* it calls tools of the caller's as well, or more than so many */
    bool is_cut_short; /* at its longest: the last call may not be whole */
};

/* The request with the tool among its tools and these messages; data NULL when it cannot be
 * offered: the caller says which tool is to be called, or wants several answers, or has one of that
 * name, or the arena is full. */
struct str recall_text_offer(struct arena *a, enum recall_text_api api,
                             const struct json_value *request, struct str messages);

/* The calls of the tool in a whole answer. */
void recall_text_find(struct arena *a, enum recall_text_api api, const struct json_value *answer,
                      struct recall_text_calls *ret);

/* `messages` with what the model said and the results of its calls behind them; data NULL when the
 * arena is full. */
struct str recall_text_extend(struct arena *a, enum recall_text_api api, struct str messages,
                              const struct recall_text_calls *calls);

/* The last answer for the caller: without those calls and the tool, and with what the `n` answers
 * before it used; data NULL when the arena is full. */
struct str recall_text_close(struct arena *a, enum recall_text_api api,
                             const struct json_value *answer,
                             const struct json_value *const *before, size_t n);
