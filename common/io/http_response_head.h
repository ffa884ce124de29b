/* http_response_head.h -- what does the head of an answer look like? Private to the HTTP server.
 *
 * It also decides whether the connection is kept: the head has to say so.
 */
#pragma once

#include "http_connection.h"

enum http_framing { HTTP_BARE, HTTP_LENGTH, HTTP_CHUNKED, HTTP_UNTIL_CLOSE };

struct http_response_fields {
    int status;
    const struct http_header *headers;
    size_t n_headers;
    enum http_framing framing;
    size_t length; /* of HTTP_LENGTH */
};

/* In the server's `head`, until the next one. */
struct str http_response_head(struct http_request *r, const struct http_response_fields *a);
