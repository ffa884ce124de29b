/* frames.h -- where does one frame of a provider's stream end and the next begin?
 *
 * One door to the framings: Server-Sent Events, a JSON text a line, AWS event-stream. Pure.
 */
#pragma once

#include "base/eventstream.h"
#include "base/ndjson.h"
#include "base/sse.h"
#include "base/str.h"
#include "dialect.h"

#include <stdbool.h>

enum frames_result {
    FRAMES_OK = 0,
    FRAMES_STOPPED, /* by the callback */
    FRAMES_INVALID, /* too long, or not of this framing */
};

/* `name` is the event's, "message" where the framing has none. Borrowed for the call. Return false
 * to stop. */
typedef bool (*frames_fn)(void *arg, struct str name, struct str data);

struct frames {
    frames_fn fn;
    void *arg;
    enum dialect_framing framing;
    bool is_open;
    union {
        struct sse_parser sse;
        struct ndjson_parser ndjson;
        struct eventstream_parser eventstream;
    };
};

void frames_init(struct frames *f, const struct dialect *d, frames_fn fn, void *arg);
void frames_done(struct frames *f); /* of one never opened too */

/* Any result but FRAMES_OK is final. */
MUST_USE enum frames_result frames_feed(struct frames *f, struct str bytes);

/* The stream has ended: a last frame may need no mark of its end. */
MUST_USE enum frames_result frames_end(struct frames *f);

/* What a stream of this framing calls itself. */
const char *frames_content_type(enum dialect_framing framing);
