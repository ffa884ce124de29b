#include "sim_frame.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

static void add(struct buf *b, struct str s)
{
    enum buf_result r = buf_add_str(b, s);
    assert(r == BUF_OK);
    (void)r;
}

static void add_parts(struct buf *out, const char *before, struct str json, const char *after)
{
    add(out, str_from(before));
    add(out, json);
    add(out, str_from(after));
}

static void add_number(struct buf *out, uint64_t n, int bytes)
{
    char text[8];

    for (int i = 0; i < bytes; i++)
        text[i] = (char)(n >> (8 * (bytes - 1 - i)));
    add(out, (struct str){text, (size_t)bytes});
}

static void add_header(struct buf *out, const char *name, const char *value)
{
    add_number(out, strlen(name), 1);
    add(out, str_from(name));
    add_number(out, 7, 1); /* a string */
    add_number(out, strlen(value), 2);
    add(out, str_from(value));
}

static uint32_t crc(const struct buf *b)
{
    return (uint32_t)crc32(0, (const Bytef *)b->data, (uInt)b->len);
}

/* Lengths, CRC-32 of them, headers, payload, CRC-32 of it all: numbers are big-endian. */
static void add_aws(struct buf *out, const char *message_type, const char *type, struct str json)
{
    struct buf headers, frame;

    buf_init(&headers, 1024);
    buf_init(&frame, json.len + 2048);
    add_header(&headers,
               message_type[0] == 'e' && message_type[1] == 'v' ? ":event-type" : ":exception-type",
               type);
    add_header(&headers, ":content-type", "application/json");
    add_header(&headers, ":message-type", message_type);
    add_number(&frame, 12 + headers.len + json.len + 4, 4);
    add_number(&frame, headers.len, 4);
    add_number(&frame, crc(&frame), 4);
    add(&frame, buf_str(&headers));
    add(&frame, json);
    add_number(&frame, crc(&frame), 4);
    add(out, buf_str(&frame));
    buf_done(&frame);
    buf_done(&headers);
}

void sim_frame_event(struct buf *out, enum sim_frame_kind kind, const char *type, struct str json,
                     bool is_first)
{
    char name[96] = "event: ";

    switch (kind) {
    case SIM_FRAME_SSE:
        add_parts(out, "data: ", json, "\n\n");
        return;
    case SIM_FRAME_SSE_NAMED:
        strncat(name, type, 64);
        strcat(name, "\ndata: ");
        add_parts(out, name, json, "\n\n");
        return;
    case SIM_FRAME_SSE_CRLF:
        add_parts(out, "data: ", json, "\r\n\r\n");
        return;
    case SIM_FRAME_LINES:
        add_parts(out, "", json, "\n");
        return;
    case SIM_FRAME_ARRAY:
        add_parts(out, is_first ? "[" : ",\r\n", json, "");
        return;
    case SIM_FRAME_AWS:
        add_aws(out, "event", type, json);
        return;
    }
}

void sim_frame_exception(struct buf *out, const char *type, struct str json)
{
    add_aws(out, "exception", type, json);
}
