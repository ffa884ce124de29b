#include "base/http1_request.h"

#include "base/http1_target.h"

#include <string.h>

#define MAX_METHOD 32

enum state { START, METHOD, REQUEST_LINE, FIELDS, COMPLETE };

void http1_request_init(struct http1_request *r, struct http1_field *fields, unsigned max_fields,
                        size_t max_bytes)
{
    *r = (struct http1_request){.state = START};
    http1_head_init(&r->head, fields, max_fields, max_bytes);
}

/* One empty line before the request is an old client's habit the RFC asks us to bear. */
static enum http1_result skip_empty_line(struct http1_request *r, struct str bytes)
{
    if (bytes.data[0] == '\r') {
        if (bytes.len < 2)
            return HTTP1_MORE;
        if (bytes.data[1] != '\n')
            return http1_head_refuse(&r->head, 400, "a CR is not followed by LF");
        r->head.at = r->head.scanned = 2;
    }
    r->state = METHOD;
    return HTTP1_DONE;
}

/* Character by character, so that what is no HTTP at all is refused at its first byte. */
static enum http1_result read_method(struct http1_request *r, struct str bytes)
{
    struct http1_head *h = &r->head;

    for (; h->scanned < bytes.len; h->scanned++) {
        char c = bytes.data[h->scanned];
        uint32_t len = h->scanned - h->at;
        if (c == ' ' && len > 0) {
            r->method = (struct http1_span){h->at, len};
            r->state = REQUEST_LINE;
            return HTTP1_DONE;
        }
        if (((c < 'A' || c > 'Z') && c != '-' && c != '_') || len == MAX_METHOD)
            return http1_head_refuse(h, 400, "the method is malformed");
    }
    return HTTP1_MORE;
}

static enum http1_result check_version(struct http1_request *r, struct str version)
{
    if (str_is(version, "HTTP/1.1"))
        r->minor = 1;
    else if (!str_is(version, "HTTP/1.0")) {
        bool is_other = version.len == 8 && str_has_prefix(version, "HTTP/") &&
                        version.data[5] >= '0' && version.data[5] <= '9' &&
                        version.data[6] == '.' && version.data[7] >= '0' && version.data[7] <= '9';
        return is_other ? http1_head_refuse(&r->head, 505, "this is an HTTP/1.1 server")
                        : http1_head_refuse(&r->head, 400, "the request line is malformed");
    }
    return HTTP1_DONE;
}

static struct http1_span span_of(struct str bytes, struct str part)
{
    return (struct http1_span){(uint32_t)(part.data - bytes.data), (uint32_t)part.len};
}

static enum http1_result read_request_line(struct http1_request *r, struct str bytes)
{
    struct http1_span line;
    enum http1_result result = http1_head_line(&r->head, bytes, true, &line);
    if (result != HTTP1_DONE)
        return result;

    uint32_t from = r->method.at + r->method.len + 1;
    struct str target = {bytes.data + from, line.at + line.len - from};
    const char *space = memchr(target.data, ' ', target.len);
    if (!space)
        return http1_head_refuse(&r->head, 400, "the request line is malformed");
    size_t len = (size_t)(space - target.data);
    result = check_version(r, (struct str){space + 1, target.len - len - 1});
    if (result != HTTP1_DONE)
        return result;

    target.len = len;
    struct str method = http1_head_text(bytes, r->method);
    if (str_is(method, "CONNECT"))
        return http1_head_refuse(&r->head, 501, "CONNECT is not served");
    struct http1_target t;
    if (!http1_target_split(target, &t) || (str_is(t.path, "*") && !str_is(method, "OPTIONS")))
        return http1_head_refuse(&r->head, 400, "the request target is malformed");
    if (t.host.data)
        r->target_host = span_of(bytes, t.host);
    r->path = span_of(bytes, t.path);
    if (t.query.len > 0)
        r->query = span_of(bytes, t.query);
    r->state = FIELDS;
    return HTTP1_DONE;
}

static enum http1_result take_length(struct http1_request *r, struct str value)
{
    if (r->has_length)
        return http1_head_refuse(&r->head, 400, "Content-Length is repeated");
    if (r->is_chunked)
        return http1_head_refuse(&r->head, 400, "Content-Length beside Transfer-Encoding");
    if (!http1_head_length(value, &r->content_length))
        return http1_head_refuse(&r->head, 400, "Content-Length is malformed");
    r->has_length = true;
    return HTTP1_DONE;
}

static enum http1_result take_coding(struct http1_request *r, struct str value)
{
    if (r->has_length)
        return http1_head_refuse(&r->head, 400, "Content-Length beside Transfer-Encoding");
    if (r->is_chunked || !str_is_nocase(value, "chunked"))
        return http1_head_refuse(&r->head, 400, "Transfer-Encoding is not exactly chunked");
    if (r->minor == 0)
        return http1_head_refuse(&r->head, 400, "Transfer-Encoding in HTTP/1.0");
    r->is_chunked = true;
    return HTTP1_DONE;
}

static enum http1_result take_host(struct http1_request *r, struct str bytes, struct str value)
{
    if (r->has_host)
        return http1_head_refuse(&r->head, 400, "Host is repeated");
    if (!http1_target_is_host(value))
        return http1_head_refuse(&r->head, 400, "Host is malformed");
    if (r->target_host.len > 0 && !str_equal_nocase(value, http1_head_text(bytes, r->target_host)))
        return http1_head_refuse(&r->head, 400, "Host contradicts the request target");
    r->has_host = true;
    return HTTP1_DONE;
}

static enum http1_result take_expect(struct http1_request *r, struct str value)
{
    if (r->minor == 0)
        return HTTP1_DONE;
    if (!str_is_nocase(value, "100-continue"))
        return http1_head_refuse(&r->head, 417, "this expectation cannot be met");
    r->expects_continue = true;
    return HTTP1_DONE;
}

/* Does this name with underscores read like one with dashes that means something to us or to a
 * server behind us that does not tell them apart? */
static bool is_alias(struct str name)
{
    static const char *const starts[] = {"x-", "content-", "transfer-"};

    if (!memchr(name.data, '_', name.len))
        return false;
    for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++) {
        struct str prefix = str_from(starts[i]);
        size_t at = 0;
        while (at < prefix.len && at < name.len &&
               ((name.data[at] | 0x20) == prefix.data[at] ||
                (name.data[at] == '_' && prefix.data[at] == '-')))
            at++;
        if (at == prefix.len)
            return true;
    }
    return false;
}

static enum http1_result take_field(struct http1_request *r, struct str bytes,
                                    const struct http1_field *field)
{
    struct str name = http1_head_text(bytes, field->name);
    struct str value = http1_head_text(bytes, field->value);

    switch (name.len) {
    case 4:
        if (str_is_nocase(name, "Host"))
            return take_host(r, bytes, value);
        break;
    case 6:
        if (str_is_nocase(name, "Expect"))
            return take_expect(r, value);
        break;
    case 10:
        if (str_is_nocase(name, "Connection")) {
            r->asks_close = r->asks_close || http1_head_lists(value, "close");
            r->asks_keep_alive = r->asks_keep_alive || http1_head_lists(value, "keep-alive");
        }
        break;
    case 14:
        if (str_is_nocase(name, "Content-Length"))
            return take_length(r, value);
        break;
    case 17:
        if (str_is_nocase(name, "Transfer-Encoding"))
            return take_coding(r, value);
        break;
    default:
        break;
    }
    if (is_alias(name))
        return http1_head_refuse(&r->head, 400, "a header name has underscores for dashes");
    return HTTP1_DONE;
}

static enum http1_result read_field(struct http1_request *r, struct str bytes)
{
    struct http1_span line;
    const struct http1_field *field;
    enum http1_result result = http1_head_line(&r->head, bytes, false, &line);

    if (result != HTTP1_DONE)
        return result;
    if (line.len > 0) {
        result = http1_head_field(&r->head, bytes, line, &field);
        return result == HTTP1_DONE ? take_field(r, bytes, field) : result;
    }
    if (r->minor == 1 && !r->has_host)
        return http1_head_refuse(&r->head, 400, "Host is missing");
    r->keeps_alive = !r->asks_close && (r->minor == 1 || r->asks_keep_alive);
    r->size = r->head.at;
    r->state = COMPLETE;
    return HTTP1_DONE;
}

enum http1_result http1_request_feed(struct http1_request *r, struct str bytes)
{
    enum http1_result result = bytes.len > 0 ? HTTP1_DONE : HTTP1_MORE;

    while (result == HTTP1_DONE && r->state != COMPLETE) {
        switch ((enum state)r->state) {
        case START:
            result = skip_empty_line(r, bytes);
            break;
        case METHOD:
            result = read_method(r, bytes);
            break;
        case REQUEST_LINE:
            result = read_request_line(r, bytes);
            break;
        case FIELDS:
            result = read_field(r, bytes);
            break;
        case COMPLETE:
            break;
        }
    }
    return result;
}
