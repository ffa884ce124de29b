/* inbound_chat.h -- what do the files of POST /v1/chat/completions share? */
#pragma once

#include "inbound.h"

bool inbound_chat_read(struct arena *a, const struct json_value *root, struct chat *ret,
                       struct inbound_fault *reterr);

/* The messages array; shared with every API that takes it. */
bool inbound_chat_messages_read(struct arena *a, const struct json_value *messages,
                                const struct chat_message **ret, struct inbound_fault *reterr);

enum buf_result inbound_chat_write_answer(const struct inbound_answer *answer,
                                          const struct chat_event *events, struct arena *a,
                                          struct buf *out);
enum buf_result inbound_chat_write_event(struct inbound_stream *s, const struct chat_event *e,
                                         struct buf *out);
enum buf_result inbound_chat_write_end(struct inbound_stream *s, bool is_translated,
                                       struct buf *out);
