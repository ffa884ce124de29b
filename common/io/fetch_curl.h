/* fetch_curl.h -- how is a fetch carried by libcurl? For https, HTTP/2 and names.
 *
 * Internal to the fetch files. One multi handle per pool, driven by the loop's descriptors and one
 * timer. libcurl's calls back are never re-entered: what a handler asks for from inside one is
 * done when libcurl has returned, in the same turn.
 */
#pragma once

#include "io/fetch_transfer.h"

MUST_USE int fetch_curl_new(struct fetch_pool *p, struct fetch_curl **ret);
void fetch_curl_free(struct fetch_curl **c); /* every fetch must be over */

/* A fetch to be filled in and begun, and then started. */
struct fetch *fetch_curl_take(struct fetch_curl *c);
void fetch_curl_start(struct fetch *f, const struct fetch_request *request);
