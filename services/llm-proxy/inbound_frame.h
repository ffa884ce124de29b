/* inbound_frame.h -- what do the streams and answers of OpenAI's APIs have in common?
 *
 * Pure: appends to a buffer.
 */
#pragma once

#include "base/buf.h"
#include "base/json_write.h"
#include "inbound.h"

/* "id" with the API's own prefix. */
void inbound_frame_write_id(struct json_write *w, const char *prefix,
                            const struct inbound_answer *answer);

/* "usage" in the words of chats and completions. */
void inbound_frame_write_usage(struct json_write *w, const struct chat_usage *u);

/* One server-sent event around one JSON text: begin, write the text, end. `event` NULL: no name. */
MUST_USE enum buf_result inbound_frame_begin(const char *event, struct buf *out);
MUST_USE enum buf_result inbound_frame_end(enum buf_result begun, struct json_write *w,
                                           struct buf *out);
