/* recall_text.h -- how is a tool offered that gives back what was left out of a conversation, and
 * what follows when the model calls it?
 *
 * All in the words of the API that the caller speaks, OpenAI's chat or Anthropic's messages, so
 * that a provider of any dialect is asked and answers as for a tool of the caller's own. The caller
 * never sees the tool. Pure.
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "base/macro.h"
#include "base/str.h"
#include "settings/catalogue.h"

#include <stdbool.h>
#include <stddef.h>

#define RECALL_TEXT_MAX_CALLS 8 /* in one answer */

struct recall_text_call {
    struct str id;  /* as spelled, with its quotes */
    struct str key; /* of the block; empty: none that could be read */
    struct str result;
};

struct recall_text_calls {
    struct recall_text_call of[RECALL_TEXT_MAX_CALLS];
    size_t n;
    bool has_others; /* it calls tools of the caller's as well, or more than so many */
};

/* The request with the tool among its tools and these messages; data NULL when it cannot be
 * offered: the caller says which tool is to be called, or wants several answers, or has one of that
 * name, or the arena is full. */
struct str recall_text_offer(struct arena *a, enum settings_dialect api,
                             const struct json_value *request, struct str messages);

/* The calls of the tool in a whole answer. */
void recall_text_find(struct arena *a, enum settings_dialect api, const struct json_value *answer,
                      struct recall_text_calls *ret);

/* `messages` with what the model said and the results of its calls behind them; data NULL when the
 * arena is full. */
struct str recall_text_extend(struct arena *a, enum settings_dialect api, struct str messages,
                              const struct json_value *answer,
                              const struct recall_text_calls *calls);

/* The answer without those calls; data NULL when the arena is full. */
struct str recall_text_strip(struct arena *a, enum settings_dialect api,
                             const struct json_value *answer);
