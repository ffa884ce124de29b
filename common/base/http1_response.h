/* http1_response.h -- is this the head of a valid HTTP/1.1 response, and where will its body end?
 *
 * Incremental and strict, like http1_request.h. Interim answers (1xx) are heads like any other:
 * whoever reads them starts again behind them.
 */
#pragma once

#include "base/http1_head.h"

enum http1_body {
    HTTP1_BODY_NONE = 0,
    HTTP1_BODY_LENGTH,
    HTTP1_BODY_CHUNKED,
    HTTP1_BODY_UNTIL_CLOSE, /* nothing tells a cut from the end */
};

struct http1_response {
    struct http1_head head;
    /* Set once the head is complete: */
    int status;
    unsigned minor; /* HTTP/1.minor: 0 or 1 */
    size_t size;    /* bytes of the head */
    enum http1_body body;
    uint64_t content_length; /* of HTTP1_BODY_LENGTH */
    bool keeps_alive;

    bool answers_head, has_length, is_chunked, asks_close, asks_keep_alive; /* private */
};

/* `answers_head`: the request was a HEAD, so there is no body whatever the fields say. */
void http1_response_init(struct http1_response *r, struct http1_field *fields, unsigned max_fields,
                         size_t max_bytes, bool answers_head);

/* `bytes`: all there is from the first byte of the head on; what follows the head is not looked at.
 * HTTP1_REFUSED: head.why says why; head.status has no meaning. */
MUST_USE enum http1_result http1_response_feed(struct http1_response *r, struct str bytes);
