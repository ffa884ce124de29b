#include "base/ndjson.h"

#include <string.h>

void ndjson_init(struct ndjson_parser *p, size_t max_bytes, ndjson_line_fn on_line, void *arg)
{
    *p = (struct ndjson_parser){.on_line = on_line, .arg = arg};
    buf_init(&p->line, max_bytes);
}

void ndjson_done(struct ndjson_parser *p)
{
    buf_done(&p->line);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static enum ndjson_result end_line(struct ndjson_parser *p, struct str line)
{
    if (line.len > p->line.max)
        return NDJSON_TOO_LONG;
    while (line.len > 0 && is_space(line.data[line.len - 1]))
        line.len--;
    return line.len == 0 || p->on_line(p->arg, line) ? NDJSON_OK : NDJSON_STOPPED;
}

enum ndjson_result ndjson_feed(struct ndjson_parser *p, const char *bytes, size_t n)
{
    const char *end = bytes + n;

    while (bytes < end) {
        const char *lf = memchr(bytes, '\n', (size_t)(end - bytes));
        struct str line = {bytes, (size_t)((lf ? lf : end) - bytes)};

        if (!lf || p->line.len > 0) { /* only a line that was cut is copied */
            if (buf_add_str(&p->line, line) != BUF_OK)
                return NDJSON_TOO_LONG;
            line = buf_str(&p->line);
        }
        if (!lf)
            break;
        enum ndjson_result r = end_line(p, line);
        buf_clear(&p->line);
        if (r != NDJSON_OK)
            return r;
        bytes = lf + 1;
    }
    return NDJSON_OK;
}

enum ndjson_result ndjson_end(struct ndjson_parser *p)
{
    enum ndjson_result r = end_line(p, buf_str(&p->line));

    buf_clear(&p->line);
    return r;
}
