/* inbound.h -- in which API does a caller ask for a chat, and read the answer?
 *
 * One file per API exports one const table. Pure: text in, text out.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/macro.h"
#include "base/str.h"
#include "chat.h"
#include "chat_event.h"
#include "chat_request.h"
#include "dialect.h"
#include "refusal.h"

#include <stdbool.h>
#include <stdint.h>

/* What is wrong with a request, for its caller. */
struct inbound_fault {
    const char *message; /* a sentence */
    const char *param;   /* the field; NULL: none */
};

/* What identifies an answer that we write ourselves. */
struct inbound_answer {
    const char *id; /* the request's id */
    const char *model;
    int64_t created;       /* Unix seconds */
    bool wants_usage;      /* in a stream */
    int64_t prompt_tokens; /* estimated: all that is known at the start */
    const struct chat *chat;
};

#define INBOUND_MAX_TEXT (16u << 20) /* of an answer that is repeated at its end */

/* The call that is being written, where calls follow one another: are its arguments whole? */
struct inbound_call {
    uint32_t tool, depth;
    bool has_arguments, is_in_string, is_escaped;
};

/* What has gone to the client of one stream. */
struct inbound_stream {
    struct inbound_answer answer;
    bool has_started;
    uint64_t begun_choices;            /* bit set */
    uint32_t n_blocks;                 /* opened so far */
    int32_t open_block;                /* -1: none; what it is, is the API's */
    enum chat_event_kind open_kind;    /* of open_block */
    uint16_t block_of[CHAT_MAX_TOOLS]; /* by tool */
    bool has_call;                     /* at least one */
    struct inbound_call call;
    bool has_finish;
    enum chat_finish finish;
    struct str stop_sequence;
    struct chat_usage usage;
    bool has_usage;
    uint64_t n_events; /* written, for an API that numbers them */
    struct buf text;   /* an API that repeats the whole at the end collects it here */
    struct buf items;  /* … and what came before it, as JSON */
};

struct inbound {
    const char *route;             /* "/v1/messages" */
    const char *api;               /* in the books: "messages" */
    enum settings_dialect dialect; /* whose providers take the caller's bytes as they are … */
    const struct dialect *native;  /* … and how those are forwarded and their answers read */
    const char *conversation;      /* what context-service calls its messages; NULL: it has none */

    unsigned needs; /* VARIANT_HAS_…: of its relatives only those with it are asked natively */
    bool is_opaque; /* no chat: passthrough.h; read_chat and the writers are NULL */

    /* What the proxy decides by; `body` is in `ret` already parsed as JSON. */
    bool (*read_request)(struct arena *a, struct chat_request *ret, struct inbound_fault *reterr);
    /* Everything, for a provider of another dialect. Every field is carried over, or is on the
     * list of harmless drops in docs/API.md, or is a fault. False with reterr->message NULL: the
     * arena is full. */
    bool (*read_chat)(struct arena *a, const struct json_value *root, struct chat *ret,
                      struct inbound_fault *reterr);
    /* The same for an API of embeddings, which has no read_chat. */
    bool (*read_embed)(struct arena *a, const struct json_value *root, struct embed *ret,
                       struct inbound_fault *reterr);
    /* By which field it is asked for. */
    const char *(*field_of)(enum chat_feature f);

    /* A whole answer out of the events of one. */
    enum buf_result (*write_answer)(const struct inbound_answer *answer,
                                    const struct chat_event *events, struct arena *a,
                                    struct buf *out);
    /* The next bytes of a stream; none for an event that this API does not show or keeps for the
     * end. START, DONE and ERROR never come here: the first event that shows something begins the
     * stream. */
    enum buf_result (*write_event)(struct inbound_stream *s, const struct chat_event *e,
                                   struct buf *out);
    /* What is left to say of a finished stream, and its end mark. Of one that was not translated
     * only the mark, and the usage if it is local. */
    enum buf_result (*write_end)(struct inbound_stream *s, bool is_translated, struct buf *out);

    /* An error of ours, as a body and as the last event of a stream. `message` may be NULL. */
    enum buf_result (*write_error)(enum refusal r, const char *message, const char *param,
                                   const char *request_id, struct buf *out);
    const char *error_event; /* its SSE event name; NULL: none */

    /* Headers of the caller's that go on to a provider of the same dialect; ends in NULL, which it
     * may be itself. */
    const char *const *passes_on;
    const char *id_header; /* its own name for the request's id; NULL: x-request-id is enough */
};

/* By the path of a request; NULL when no API of chats has it. */
const struct inbound *inbound_find(struct str path);

void inbound_stream_init(struct inbound_stream *s, const struct inbound_answer *answer);
void inbound_stream_done(struct inbound_stream *s);

extern const struct inbound inbound_chat;          /* POST /v1/chat/completions */
extern const struct inbound inbound_completions;   /* POST /v1/completions */
extern const struct inbound inbound_responses;     /* POST /v1/responses */
extern const struct inbound inbound_embeddings;    /* POST /v1/embeddings */
extern const struct inbound inbound_opaque_images; /* what is passed through */
extern const struct inbound inbound_opaque_audio;
extern const struct inbound inbound_opaque_moderations;
extern const struct inbound inbound_opaque_rerank;
extern const struct inbound inbound_messages; /* POST /v1/messages */
