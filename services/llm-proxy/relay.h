/* relay.h -- how does a stream reach the client event by event, and what did it contain?
 */
#pragma once

#include "base/clock.h"
#include "base/str.h"
#include "dialect.h"
#include "frames.h"
#include "inbound.h"
#include "io/loop.h"
#include "recall_stream.h"

#include <stdbool.h>
#include <stdint.h>

struct exchange;

enum relay_result {
    RELAY_OK = 0,
    RELAY_FAILED, /* the provider's stream broke a rule, or reported an error itself */
    RELAY_DONE,   /* its end mark was seen */
};

struct relay {
    struct exchange *exchange;
    struct frames frames;
    struct dialect_stream reader;
    struct inbound_stream writer;
    bool has_writer;
    bool has_begun;     /* the client has the head of a stream */
    bool has_forwarded; /* … and an event of the provider's, of this attempt */
    bool has_content;   /* … and a piece of the answer */
    bool has_tool_call; /* the answer asks for a tool to be run */
    bool is_done;       /* the end mark came */
    bool has_error;     /* the provider's in-band error */
    bool is_invalid;
    uint64_t choices, finished_choices;
    usec_t finished_at; /* 0: there are choices that are not */
    bool has_usage;
    struct chat_usage usage;
    bool is_counted;         /* by the provider, in an answer that is whole */
    uint64_t content_tokens; /* estimated, delivered; 0 when counted */
    usec_t first_token_at, last_token_at, last_write_at;
    /* of a stream that goes on with another answer: recall.h */
    struct recall_stream recall;
    struct chat_usage before; /* what the answers so far used */
    usec_t spoken_at;         /* when the first that the client has a part of began; 0: none */
    struct loop_timer keepalive;
};

void relay_init(struct relay *r, struct exchange *x);
void relay_done(struct relay *r);

/* Forget the parser's state before another attempt; what the client has stays. */
void relay_restart(struct relay *r);

/* A stream is over, and in the client's another answer follows. */
void relay_go_on(struct relay *r);

/* Bytes of the provider's stream. */
enum relay_result relay_feed(struct relay *r, struct str bytes);
/* The provider's stream has ended. */
enum relay_result relay_feed_end(struct relay *r);

/* A whole answer: what it says, for the books; false when it is no answer. Translated into `ret`
 * when the caller speaks another API. Works on the exchange alone. */
bool relay_read_answer(struct relay *r, struct str body, usec_t now, struct arena *scratch,
                       struct buf *ret);

/* Every choice that appeared has its finish reason. */
bool relay_is_finished(const struct relay *r);

/* The provider thinks; the client gets a comment now and then. */
void relay_start_keepalive(struct relay *r);

/* Write the end mark and finish the client's answer. */
void relay_end(struct relay *r);
/* A recorded stream: writes as much of *rest as the client takes now; true once all of it has gone,
 * and only its end is left. */
bool relay_replay(struct relay *r, struct str *rest);
/* One in-band error, no end mark, no last chunk. */
void relay_fail(struct relay *r, struct str error_json);
