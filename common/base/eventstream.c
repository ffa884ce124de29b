#include "base/eventstream.h"

#include <stdint.h>
#include <zlib.h>

#define PRELUDE     12 /* total length, header length, CRC of both */
#define TRAILER     4  /* CRC of all before it */
#define TYPE_STRING 7

void eventstream_init(struct eventstream_parser *p, size_t max_bytes,
                      eventstream_message_fn on_message, void *arg)
{
    *p = (struct eventstream_parser){.on_message = on_message, .arg = arg};
    buf_init(&p->message, max_bytes);
}

void eventstream_done(struct eventstream_parser *p)
{
    buf_done(&p->message);
}

static uint32_t u32(const char *bytes)
{
    const unsigned char *b = (const unsigned char *)bytes;

    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static bool has_crc(const char *bytes, size_t n)
{
    return crc32(0, (const Bytef *)bytes, (uInt)n) == u32(bytes + n);
}

static bool take(struct str *rest, size_t n, struct str *ret)
{
    if (n > rest->len)
        return false;
    *ret = (struct str){rest->data, n};
    rest->data += n;
    rest->len -= n;
    return true;
}

/* Bytes of a header's value: fixed by its type, or given before it. */
static bool value_length(struct str *rest, unsigned type, size_t *ret)
{
    static const uint8_t fixed[] = {0, 0, 1, 2, 4, 8, 0, 0, 8, 16};
    struct str length;

    if (type >= sizeof(fixed))
        return false;
    *ret = fixed[type];
    if (type != 6 && type != TYPE_STRING)
        return true;
    if (!take(rest, 2, &length))
        return false;
    *ret = (size_t)(unsigned char)length.data[0] << 8 | (unsigned char)length.data[1];
    return true;
}

static bool is_name(struct str header)
{
    return str_is(header, ":event-type") || str_is(header, ":exception-type") ||
           str_is(header, ":error-code");
}

static bool read_headers(struct str rest, struct str *ret_name)
{
    while (rest.len > 0) {
        struct str length, name, type, value;
        size_t n;
        if (!take(&rest, 1, &length) || !take(&rest, (unsigned char)*length.data, &name) ||
            !take(&rest, 1, &type) || !value_length(&rest, (unsigned char)*type.data, &n) ||
            !take(&rest, n, &value))
            return false;
        if (*type.data == TYPE_STRING && is_name(name))
            *ret_name = value;
    }
    return true;
}

/* A whole message, its prelude checked. */
static enum eventstream_result end_message(struct eventstream_parser *p)
{
    const char *m = p->message.data;
    size_t headers = u32(m + 4), total = p->message.len;
    struct str name = STR_EMPTY;

    if (!has_crc(m, total - TRAILER) || !read_headers((struct str){m + PRELUDE, headers}, &name))
        return EVENTSTREAM_CORRUPT;
    struct str payload = {m + PRELUDE + headers, total - PRELUDE - headers - TRAILER};
    bool go_on = p->on_message(p->arg, name, payload);
    buf_clear(&p->message);
    return go_on ? EVENTSTREAM_OK : EVENTSTREAM_STOPPED;
}

static enum eventstream_result check_prelude(const struct eventstream_parser *p)
{
    const char *m = p->message.data;
    size_t total = u32(m), headers = u32(m + 4);

    if (!has_crc(m, PRELUDE - 4))
        return EVENTSTREAM_CORRUPT;
    if (total > p->message.max)
        return EVENTSTREAM_TOO_LONG;
    if (total < PRELUDE + TRAILER || headers > total - PRELUDE - TRAILER)
        return EVENTSTREAM_CORRUPT;
    return EVENTSTREAM_OK;
}

enum eventstream_result eventstream_feed(struct eventstream_parser *p, const char *bytes, size_t n)
{
    while (n > 0) {
        size_t have = p->message.len;
        size_t want = have < PRELUDE ? PRELUDE : u32(p->message.data);
        size_t part = want - have < n ? want - have : n;
        enum eventstream_result r = EVENTSTREAM_OK;

        if (buf_add(&p->message, bytes, part) != BUF_OK)
            return EVENTSTREAM_TOO_LONG;
        bytes += part;
        n -= part;
        if (have < PRELUDE && p->message.len == PRELUDE)
            r = check_prelude(p);
        else if (have >= PRELUDE && p->message.len == want)
            r = end_message(p);
        if (r != EVENTSTREAM_OK)
            return r;
    }
    return EVENTSTREAM_OK;
}
