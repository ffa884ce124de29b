/* fetch_curl.h -- how is a fetch carried by libcurl? For https, HTTP/2 and names.
 *
 * Internal to the fetch files. One multi handle per file of authorities, with its own connections
 * and sessions: libcurl would let a request ride on a connection that others' authorities vouch
 * for. Each is driven by the loop's descriptors and one timer. libcurl's calls back are never
 * re-entered: what a handler asks for from inside one is done when libcurl has returned, in the
 * same turn.
 */
#pragma once

#include "io/fetch_transfer.h"

/* The pool's for these authorities (NULL: the system's), made when it is first wanted. */
struct fetch_curl *fetch_curl_find(struct fetch_pool *p, const char *ca_file);
void fetch_curl_free(struct fetch_curl **c); /* every fetch must be over */

/* A fetch to be filled in and begun, and then started. */
struct fetch *fetch_curl_take(struct fetch_curl *c);
void fetch_curl_start(struct fetch *f, const struct fetch_request *request);
