/* fetch_curl_request.h -- how is a request told to a libcurl handle?
 *
 * Internal to fetch_curl. A large body is read in place; everything else is copied.
 */
#pragma once

#include "base/buf.h"
#include "io/fetch.h"

#include <curl/curl.h>
#include <stdbool.h>

struct fetch_curl_request {
    struct curl_slist *fields;
    struct str body[FETCH_MAX_PIECES];
    size_t n_body;
    size_t piece, piece_at; /* how far the body has been read */
    struct buf small;       /* a body that goes out together with the head */
};

void fetch_curl_request_init(struct fetch_curl_request *q);
void fetch_curl_request_done(struct fetch_curl_request *q);

/* On a handle that has just been reset. */
void fetch_curl_request_set(struct fetch_curl_request *q, CURL *easy,
                            const struct fetch_request *request);
/* libcurl has taken in all of the body. */
bool fetch_curl_request_is_read(const struct fetch_curl_request *q);
/* Let go of what the request needed. */
void fetch_curl_request_clear(struct fetch_curl_request *q);
