#include "base/http1_response.h"

#include <string.h>

void http1_response_init(struct http1_response *r, struct http1_field *fields, unsigned max_fields,
                         size_t max_bytes, bool answers_head)
{
    *r = (struct http1_response){.answers_head = answers_head};
    http1_head_init(&r->head, fields, max_fields, max_bytes);
}

static enum http1_result refuse(struct http1_response *r, const char *why)
{
    return http1_head_refuse(&r->head, 502, why);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200 reason"; the space before an absent reason is often forgotten and never missed. */
static enum http1_result read_status_line(struct http1_response *r, struct str bytes)
{
    struct http1_span span;
    enum http1_result result = http1_head_line(&r->head, bytes, false, &span);
    if (result != HTTP1_DONE)
        return result;

    struct str line = http1_head_text(bytes, span);
    if (line.len < 12 || !str_has_prefix(line, "HTTP/1.") || line.data[8] != ' ')
        return refuse(r, "the status line is malformed");
    if (line.data[7] != '0' && line.data[7] != '1')
        return refuse(r, "the version is neither HTTP/1.0 nor HTTP/1.1");
    const char *code = line.data + 9;
    if (code[0] < '1' || code[0] > '5' || !is_digit(code[1]) || !is_digit(code[2]) ||
        (line.len > 12 && code[3] != ' '))
        return refuse(r, "the status is malformed");
    r->minor = line.data[7] == '1';
    r->status = (code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0');
    return HTTP1_DONE;
}

static enum http1_result take_field(struct http1_response *r, struct str name, struct str value)
{
    if (str_is_nocase(name, "Content-Length")) {
        if (r->has_length || !http1_head_length(value, &r->content_length))
            return refuse(r, "Content-Length is repeated or malformed");
        r->has_length = true;
    } else if (str_is_nocase(name, "Transfer-Encoding")) {
        if (r->is_chunked || r->minor == 0 || !str_is_nocase(value, "chunked"))
            return refuse(r, "Transfer-Encoding is not exactly chunked");
        r->is_chunked = true;
    } else if (str_is_nocase(name, "Connection")) {
        r->asks_close = r->asks_close || http1_head_lists(value, "close");
        r->asks_keep_alive = r->asks_keep_alive || http1_head_lists(value, "keep-alive");
    }
    if (r->has_length && r->is_chunked)
        return refuse(r, "Content-Length beside Transfer-Encoding");
    return HTTP1_DONE;
}

static void end_head(struct http1_response *r)
{
    r->size = r->head.at;
    if (r->answers_head || r->status < 200 || r->status == 204 || r->status == 304)
        r->body = HTTP1_BODY_NONE;
    else if (r->is_chunked)
        r->body = HTTP1_BODY_CHUNKED;
    else if (r->has_length)
        r->body = HTTP1_BODY_LENGTH;
    else
        r->body = HTTP1_BODY_UNTIL_CLOSE;
    r->keeps_alive = !r->asks_close && (r->minor == 1 || r->asks_keep_alive) &&
                     r->body != HTTP1_BODY_UNTIL_CLOSE;
}

enum http1_result http1_response_feed(struct http1_response *r, struct str bytes)
{
    if (bytes.len == 0)
        return HTTP1_MORE;
    if (r->status == 0) {
        enum http1_result result = read_status_line(r, bytes);
        if (result != HTTP1_DONE)
            return result;
    }
    while (r->size == 0) {
        struct http1_span line;
        const struct http1_field *field;
        enum http1_result result = http1_head_line(&r->head, bytes, false, &line);
        if (result != HTTP1_DONE)
            return result;
        if (line.len == 0) {
            end_head(r);
            break;
        }
        result = http1_head_field(&r->head, bytes, line, &field);
        if (result == HTTP1_DONE)
            result = take_field(r, http1_head_text(bytes, field->name),
                                http1_head_text(bytes, field->value));
        if (result != HTTP1_DONE)
            return result;
    }
    return HTTP1_DONE;
}
