/* inbound_responses.h -- what do the files of the Responses API share?
 *
 * An answer is a list of items (message, reasoning, function_call), each with one text that grows.
 * They are kept in the stream's `items` and `text`, for the whole is said again at its end.
 */
#pragma once

#include "base/json_write.h"
#include "inbound.h"
#include "request_field.h"

struct inbound_responses_item {
    enum chat_event_kind kind; /* CHAT_TEXT, _REFUSAL, _THINKING, _REDACTED, _TOOL_CALL */
    bool is_done, is_incomplete;
    /* In `text` of the stream: first `head` bytes of what belongs to it (logprobs of a text, the
     * encrypted content of reasoning, the id of a call, NUL, its name), then its text. */
    size_t start, head, len;
    size_t id; /* of reasoning: so many bytes of the head are the provider's own id */
};

/* `input` as messages. */
MUST_USE bool inbound_responses_input_read(const struct request_field *f,
                                           const struct json_value *root, struct chat *ret);

/* -1: no room. */
int32_t inbound_responses_item_add(struct inbound_stream *s, enum chat_event_kind kind);
MUST_USE enum buf_result inbound_responses_item_append(struct inbound_stream *s, uint32_t i,
                                                       struct str text);
MUST_USE enum buf_result inbound_responses_item_append_head(struct inbound_stream *s, uint32_t i,
                                                            struct str text);
struct inbound_responses_item *inbound_responses_item_at(const struct inbound_stream *s,
                                                         uint32_t i);
struct str inbound_responses_item_text(const struct inbound_stream *s, uint32_t i);
/* "item_id" or "id" */
void inbound_responses_item_write_id(struct json_write *w, const char *key,
                                     const struct inbound_stream *s, uint32_t i);
/* The one part of its content; `is_whole`: with the text so far. */
void inbound_responses_item_write_part(struct json_write *w, const struct inbound_stream *s,
                                       uint32_t i, bool is_whole);
void inbound_responses_item_write(struct json_write *w, const struct inbound_stream *s, uint32_t i);

/* The response object; `is_over`: with its output, its end and its usage. */
void inbound_responses_object_write(struct json_write *w, const struct inbound_stream *s,
                                    bool is_over);
/* completed or incomplete */
const char *inbound_responses_object_status(const struct inbound_stream *s);

enum buf_result inbound_responses_stream_event(struct inbound_stream *s, const struct chat_event *e,
                                               struct buf *out);
enum buf_result inbound_responses_stream_end(struct inbound_stream *s, bool is_translated,
                                             struct buf *out);
/* Close what is open, without the last event. */
enum buf_result inbound_responses_stream_close(struct inbound_stream *s, struct buf *out);

/* What marks our own encrypted content: proof of thinking, opaque thinking, proof of a call. */
#define INBOUND_RESPONSES_THINKING "thinking:"
#define INBOUND_RESPONSES_REDACTED "redacted:"
#define INBOUND_RESPONSES_CALL     "call:"
