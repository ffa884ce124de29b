/* eventstream.h -- where does each message of an AWS event stream end, and what is its name?
 *
 * Source: "Amazon event stream encoding" (smithy.io, AWS specification): prelude of total and
 * header length with its CRC-32, headers, payload, CRC-32 of it all; big-endian. Bytes go in as
 * they arrive, whole messages come out; where the network cut the stream makes no difference.
 * Memory is bounded by the ceiling given to eventstream_init().
 */
#pragma once

#include "base/buf.h"
#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>

enum eventstream_result {
    EVENTSTREAM_OK = 0,
    EVENTSTREAM_TOO_LONG,
    EVENTSTREAM_CORRUPT, /* a checksum, a length or a header is wrong */
    EVENTSTREAM_STOPPED,
};

/* `name` is the :event-type, of an exception its :exception-type, of an error its :error-code.
 * Borrowed for the call. Return false to stop; eventstream_feed() then returns
 * EVENTSTREAM_STOPPED. */
typedef bool (*eventstream_message_fn)(void *arg, struct str name, struct str payload);

struct eventstream_parser {
    eventstream_message_fn on_message;
    void *arg;
    struct buf message; /* one that the network cut */
};

void eventstream_init(struct eventstream_parser *p, size_t max_bytes,
                      eventstream_message_fn on_message, void *arg);
void eventstream_done(struct eventstream_parser *p);

/* Any result but EVENTSTREAM_OK is final: release the parser. */
MUST_USE enum eventstream_result eventstream_feed(struct eventstream_parser *p, const char *bytes,
                                                  size_t n);
