/* http1_request.h -- is this the head of a valid HTTP/1.1 request, and what does it ask for?
 *
 * Incremental and strict (http1_head.h says how); what a proxy in front of us might have understood
 * differently is refused. Holds no bytes: everything is an offset into the head the caller keeps.
 */
#pragma once

#include "base/http1_head.h"

struct http1_request {
    struct http1_head head;
    unsigned state; /* private */

    /* Set once the request line is known: */
    struct http1_span method, path, query; /* path is decoded by http1_target_decode() */
    unsigned minor;                        /* HTTP/1.minor: 0 or 1 */
    /* Set once the head is complete: */
    size_t size;             /* bytes of the head */
    uint64_t content_length; /* 0 if there is none */
    bool is_chunked;
    bool keeps_alive;
    bool expects_continue;

    bool has_length, has_host, asks_close, asks_keep_alive; /* private */
    struct http1_span target_host;                          /* private */
};

void http1_request_init(struct http1_request *r, struct http1_field *fields, unsigned max_fields,
                        size_t max_bytes);

/* `bytes`: all there is from the first byte of the head on; what follows the head is not looked at.
 * HTTP1_MORE: call again with more. HTTP1_REFUSED: head.status and head.why say why; close. */
MUST_USE enum http1_result http1_request_feed(struct http1_request *r, struct str bytes);
