/* event_text.h -- the events of an answer as lines of text, to be compared with what they should
 * be. */
#pragma once

#include "base/buf.h"
#include "chat_event.h"
#include "check.h"

#include <inttypes.h>

static inline const char *event_finish(enum chat_finish f)
{
    static const char *const words[] = {
        [CHAT_FINISH_STOP] = "stop",
        [CHAT_FINISH_LENGTH] = "length",
        [CHAT_FINISH_TOOL_CALLS] = "tool_calls",
        [CHAT_FINISH_FILTER] = "filter",
        [CHAT_FINISH_PAUSE] = "pause",
    };

    return words[f];
}

static inline enum buf_result event_add_usage(struct buf *out, const struct chat_usage *u)
{
    return buf_printf(out,
                      "usage %" PRId64 " %" PRId64 " cached %" PRId64 " written %" PRId64
                      " reasoning %" PRId64 "\n",
                      u->input, u->output, u->cached, u->cache_write, u->reasoning);
}

/* The choice is shown from the second on. */
static inline enum buf_result event_add(struct buf *out, const struct chat_event *e)
{
    static const char *const words[] = {
        [CHAT_TEXT] = "text",           [CHAT_REFUSAL] = "refusal",   [CHAT_THINKING] = "thinking",
        [CHAT_SIGNATURE] = "signature", [CHAT_REDACTED] = "redacted", [CHAT_LOGPROBS] = "logprobs",
        [CHAT_ERROR] = "error",
    };

    if (e->choice > 0)
        CHECK_INT(buf_printf(out, "%u: ", e->choice), BUF_OK);
    switch (e->kind) {
    case CHAT_START:
        return buf_printf(out, "start %.*s %.*s\n", STR_ARG(e->id), STR_ARG(e->name));
    case CHAT_TOOL_CALL:
        return buf_printf(out, "call %u %.*s %.*s%s%.*s\n", e->tool, STR_ARG(e->id),
                          STR_ARG(e->name), e->signature.len > 0 ? " signed " : "",
                          STR_ARG(e->signature));
    case CHAT_ARGUMENTS:
        return buf_printf(out, "arguments %u %.*s\n", e->tool, STR_ARG(e->text));
    case CHAT_FINISH:
        return buf_printf(out, "finish %s\n", event_finish(e->finish));
    case CHAT_USAGE:
        return event_add_usage(out, &e->usage);
    case CHAT_DONE:
        return buf_printf(out, "done\n");
    case CHAT_TEXT:
    case CHAT_REFUSAL:
    case CHAT_THINKING:
    case CHAT_SIGNATURE:
    case CHAT_REDACTED:
    case CHAT_LOGPROBS:
    case CHAT_ERROR:
        return buf_printf(out, "%s %.*s%s%.*s\n", words[e->kind], STR_ARG(e->text),
                          e->signature.len > 0 ? " signed " : "", STR_ARG(e->signature));
    }
    return BUF_FULL;
}

static inline void event_add_all(struct buf *out, const struct chat_events *events)
{
    CHECK(!events->is_full);
    for (const struct chat_event *e = events->first; e; e = e->next)
        CHECK_INT(event_add(out, e), BUF_OK);
}
