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

static enum sse_result end_line(struct sse_parser *p, struct str line)
{
    if (line.len > p->line.max)
        return SSE_TOO_LONG;
    if (!p->has_begun && str_has_prefix(line, "\xEF\xBB\xBF")) {
        line.data += 3; /* a byte order mark, allowed once at the start of the stream */
        line.len -= 3;
    }
    p->has_begun = true;
    if (line.len == 0)
        return end_event(p);

    struct str value = line, field;
    (void)str_cut(&value, ':', &field);
    if (value.len > 0 && *value.data == ' ') {
        value.data++;
        value.len--;
    }

    enum buf_result r = BUF_OK;
    if (str_is(field, "data")) {
        r = buf_add_str(&p->data, value);
        if (r == BUF_OK)
            r = buf_add(&p->data, "\n", 1);
    } else if (str_is(field, "event")) {
        buf_clear(&p->name);
        r = buf_add_str(&p->name, value);
    }
    return r == BUF_OK ? SSE_OK : SSE_TOO_LONG;
}

static const char *find(const char *from, const char *end, char c)
{
    const char *at = memchr(from, c, (size_t)(end - from));

    return at ? at : end;
}

enum sse_result sse_feed(struct sse_parser *p, const char *bytes, size_t n)
{
    if (n == 0)
        return SSE_OK;
    const char *end = bytes + n, *lf = NULL, *cr = NULL;

    if (p->after_cr && *bytes == '\n')
        bytes++; /* CR LF is one line ending, even when cut in two */
    while (bytes < end) {
        if (!lf || lf < bytes)
            lf = find(bytes, end, '\n');
        if (!cr || cr < bytes)
            cr = find(bytes, end, '\r');
        const char *stop = lf < cr ? lf : cr;
        struct str line = {bytes, (size_t)(stop - bytes)};

        if (p->line.len > 0 || stop == end) { /* only a line that was cut is copied */
            if (buf_add_str(&p->line, line) != BUF_OK)
                return SSE_TOO_LONG;
            line = buf_str(&p->line);
        }
        if (stop == end)
            break;
        enum sse_result r = end_line(p, line);
        buf_clear(&p->line);
        if (r != SSE_OK)
            return r;
        bytes = stop + 1;
        if (stop == cr && bytes < end && *bytes == '\n')
            bytes++;
    }
    p->after_cr = end[-1] == '\r';
    return SSE_OK;
}
