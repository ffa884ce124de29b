/* inbound_messages.h -- what do the files of POST /v1/messages share? */
#pragma once

#include "base/json_write.h"
#include "dialect_anthropic.h"
#include "inbound.h"

/* `messages` of a request. */
bool inbound_messages_read_messages(struct arena *a, struct chat_request *ret,
                                    struct inbound_fault *reterr);

bool inbound_messages_chat_read(struct arena *a, const struct json_value *root, struct chat *ret,
                                struct inbound_fault *reterr);

/* `system` and `messages`. Sets reterr unless the arena is full. */
bool inbound_messages_turns_read(struct arena *a, const struct json_value *root, struct chat *ret,
                                 struct inbound_fault *reterr);

/* The first member of an object that is none of `known`, which NULL ends, and not null. */
const struct json_value *inbound_messages_turns_find_foreign(const struct json_value *object,
                                                             const char *const *known);

enum buf_result inbound_messages_answer_write(const struct inbound_answer *answer,
                                              const struct chat_event *events, struct arena *a,
                                              struct buf *out);
void inbound_messages_answer_write_usage(struct json_write *w, const struct chat_usage *u);
const char *inbound_messages_answer_stop_reason(enum chat_finish finish, struct str stop_sequence,
                                                bool is_refused);
/* "msg_…" and "toolu_…", for an answer and a call that have no id of their own. */
void inbound_messages_answer_name(const struct inbound_answer *answer, char ret[80]);
struct str inbound_messages_answer_name_call(const struct inbound_answer *answer,
                                             const struct chat_event *call, char ret[80]);

enum buf_result inbound_messages_stream_write(struct inbound_stream *s, const struct chat_event *e,
                                              struct buf *out);
enum buf_result inbound_messages_stream_end(struct inbound_stream *s, bool is_translated,
                                            struct buf *out);

/* GET /v1/models and /v1/models/{id}, in this API's shape. */
void inbound_messages_models_write(struct json_write *w, const struct settings_model *models,
                                   size_t n);
void inbound_messages_models_write_one(struct json_write *w, const struct settings_model *m);
