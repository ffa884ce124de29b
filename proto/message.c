#include "proto/message.h"

#include <stdbool.h>

#define MAGIC   0x4c
#define VERSION 1

static void put_le(uint8_t *to, uint64_t n, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        to[i] = (uint8_t)(n >> 8 * i);
}

static uint64_t get_le(const char *from, unsigned size)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < size; i++)
        n |= (uint64_t)(uint8_t)from[i] << 8 * i;
    return n;
}

struct str message_encode(const struct message_header *h, uint8_t ret_bytes[MESSAGE_HEADER_SIZE])
{
    ret_bytes[0] = MAGIC;
    ret_bytes[1] = VERSION;
    put_le(ret_bytes + 2, h->type, 2);
    put_le(ret_bytes + 4, h->flags, 4);
    put_le(ret_bytes + 8, h->correlation_id, 8);
    return (struct str){(const char *)ret_bytes, MESSAGE_HEADER_SIZE};
}

static bool is_known(uint64_t type)
{
    switch ((enum message_type)type) {
    case MESSAGE_COUNT:
    case MESSAGE_CONDENSE:
    case MESSAGE_RETRIEVE:
    case MESSAGE_CONTEXT_REPLY:
    case MESSAGE_CONTEXT_ERROR:
    case MESSAGE_BILLED:
    case MESSAGE_WEIGHTS:
    case MESSAGE_HEALTH_SNAPSHOT:
    case MESSAGE_HEALTH_CHANGE:
    case MESSAGE_WORKERS:
    case MESSAGE_MODEL_NEWS:
    case MESSAGE_OUTCOME:
    case MESSAGE_LOAD:
    case MESSAGE_CONTROL:
    case MESSAGE_CONTROL_REPLY:
        return true;
    }
    return false;
}

enum message_result message_decode(struct str frame, struct message_header *ret)
{
    if (frame.len != MESSAGE_HEADER_SIZE || frame.data[0] != MAGIC)
        return MESSAGE_BAD_HEADER;
    if (frame.data[1] != VERSION)
        return MESSAGE_UNKNOWN_VERSION;

    uint64_t type = get_le(frame.data + 2, 2);
    if (!is_known(type))
        return MESSAGE_UNKNOWN_TYPE;
    *ret = (struct message_header){
        .type = (enum message_type)type,
        .flags = (uint32_t)get_le(frame.data + 4, 4),
        .correlation_id = get_le(frame.data + 8, 8),
    };
    return MESSAGE_OK;
}
