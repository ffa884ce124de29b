#include "base/sse.h"

#include <string.h>

void sse_init(struct sse_parser *p, size_t max_bytes, sse_event_fn on_event, void *arg)
{
    *p = (struct sse_parser){.on_event = on_event, .arg = arg};
    buf_init(&p->line, max_bytes);
    buf_init(&p->name, max_bytes);
    buf_init(&p->data, max_bytes);
}

void sse_done(struct sse_parser *p)
{
    buf_done(&p->line);
    buf_done(&p->name);
    buf_done(&p->data);
}

/* A blank line ends the event. One without data is dropped, as the specification asks. */
static enum sse_result end_event(struct sse_parser *p)
{
    bool go_on = true;

    if (p->data.len > 0) {
        struct sse_event event = {
            .name = p->name.len > 0 ? p->name.data : "message",
            .data = p->data.data,
            .data_len = p->data.len - 1, /* the final newline is a separator */
        };
        p->data.data[event.data_len] = '\0';
        go_on = p->on_event(p->arg, &event);
    }
    buf_clear(&p->name);
    buf_clear(&p->data);
    return go_on ? SSE_OK : SSE_STOPPED;
}

static enum sse_result end_line(struct sse_parser *p)
{
    const char *field = p->line.data;
    size_t len = p->line.len;

    if (len == 0)
        return end_event(p);

    const char *colon = memchr(field, ':', len);
    size_t field_len = colon ? (size_t)(colon - field) : len;
    const char *value = colon ? colon + 1 : field + len;
    if (*value == ' ')
        value++;
    size_t value_len = len - (size_t)(value - field);

    enum buf_result r = BUF_OK;
    if (field_len == 4 && memcmp(field, "data", 4) == 0) {
        r = buf_add(&p->data, value, value_len);
        if (r == BUF_OK)
            r = buf_add(&p->data, "\n", 1);
    } else if (field_len == 5 && memcmp(field, "event", 5) == 0) {
        buf_clear(&p->name);
        r = buf_add(&p->name, value, value_len);
    }
    buf_clear(&p->line);
    return r == BUF_OK ? SSE_OK : SSE_TOO_LONG;
}

enum sse_result sse_feed(struct sse_parser *p, const char *bytes, size_t n)
{
    const char *end = bytes + n;

    while (bytes < end) {
        if (p->after_cr && *bytes == '\n')
            bytes++; /* CR LF is one line ending, even when cut in two */
        p->after_cr = false;

        const char *stop = bytes;
        while (stop < end && *stop != '\r' && *stop != '\n')
            stop++;
        if (buf_add(&p->line, bytes, (size_t)(stop - bytes)) != BUF_OK)
            return SSE_TOO_LONG;
        if (stop == end)
            break;

        p->after_cr = *stop == '\r';
        bytes = stop + 1;
        enum sse_result r = end_line(p);
        if (r != SSE_OK)
            return r;
    }
    return SSE_OK;
}
