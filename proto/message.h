/* message.h -- what frames every message on the bus? A 16-byte header in front of the body.
 *
 *   0      1      2       4        8                16
 *   | 0x4c | 0x01 | type  | flags  | correlation id |     integers little-endian
 *
 * 0x4c ('L') is the magic, 0x01 the version. The next frame is a JSON body; bulk text (a messages
 * array) follows as raw frames, never re-encoded. Unknown versions and types are dropped and
 * counted.
 */
#pragma once

#include "base/macro.h"
#include "base/str.h"

#include <stdint.h>

#define MESSAGE_HEADER_SIZE 16

enum message_type {
    MESSAGE_COUNT = 1, /* context.sock */
    MESSAGE_CONDENSE = 2,
    MESSAGE_RETRIEVE = 3,
    MESSAGE_CONTEXT_REPLY = 4,
    MESSAGE_CONTEXT_ERROR = 5,
    MESSAGE_BILLED = 6,
    MESSAGE_WEIGHTS = 7,
    MESSAGE_HEALTH_SNAPSHOT = 16, /* health.sock */
    MESSAGE_HEALTH_CHANGE = 17,
    MESSAGE_WORKERS = 18,
    MESSAGE_MODEL_NEWS = 19,
    MESSAGE_OUTCOME = 32, /* outcomes.sock */
    MESSAGE_LOAD = 33,
    MESSAGE_CONTROL = 48, /* control.sock */
    MESSAGE_CONTROL_REPLY = 49,
};

struct message_header {
    enum message_type type;
    uint32_t flags;
    uint64_t correlation_id;
};

enum message_result {
    MESSAGE_OK = 0,
    MESSAGE_BAD_HEADER,
    MESSAGE_UNKNOWN_VERSION,
    MESSAGE_UNKNOWN_TYPE
};

/* Returns the bytes as the frame that they are. */
struct str message_encode(const struct message_header *h, uint8_t ret_bytes[MESSAGE_HEADER_SIZE]);
MUST_USE enum message_result message_decode(struct str frame, struct message_header *ret);
