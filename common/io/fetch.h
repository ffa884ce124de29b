/* fetch.h -- how does a request go to another HTTP server and its answer come back?
 *
 * One pool per loop. No library type leaks. Redirects are off; destinations come from
 * configuration only. TLS certificates are always verified.
 */
#pragma once

#include "base/clock.h"
#include "base/macro.h"
#include "base/str.h"
#include "io/http_server.h" /* struct http_header */
#include "io/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FETCH_MAX_PIECES 8

enum fetch_result {
    FETCH_OK = 0,
    FETCH_RESOLVE, /* the name does not resolve */
    FETCH_CONNECT, /* refused or unreachable */
    FETCH_CONNECT_TIMEOUT,
    FETCH_TLS, /* handshake or certificate; no HTTP byte was sent */
    FETCH_FIRST_BYTE_TIMEOUT,
    FETCH_IDLE_TIMEOUT, /* silent in mid-answer */
    FETCH_TOTAL_TIMEOUT,
    FETCH_RESET,     /* connection lost before or in the answer */
    FETCH_INVALID,   /* the answer is not HTTP, or breaks a limit of its head; or the request has a
                        control character where it may not, and was not sent */
    FETCH_TOO_LARGE, /* more body than max_body */
};

const char *fetch_result_text(enum fetch_result r);

struct fetch_pool;
struct fetch;

/* Where to, and how patiently: made once per provider, shared read-only by all its requests. */
struct fetch_origin {
    const char *base_url; /* http://, https:// (no trailing slash) or unix:/path */
    const char *ca_file;  /* NULL: the system's */
    usec_t connect_timeout, first_byte_timeout, idle_timeout, total_timeout; /* 0: none */
    size_t max_body; /* 0: unlimited (streams) */
};

struct fetch_request {
    const struct fetch_origin *origin; /* must outlive the fetch */
    const char *method;
    const char *path;                  /* appended to base_url; begins with '/' */
    const struct http_header *headers; /* copied; Host, framing and connection fields left out */
    size_t n_headers;
    struct str body[FETCH_MAX_PIECES]; /* gathered in order; must outlive the fetch unless it is
                                          cancelled */
    size_t n_body;
};

struct fetch_handler {
    /* The final head (interim 1xx are swallowed). fetch_header() works from here on. */
    void (*on_head)(void *arg, struct fetch *f, int status);
    void (*on_body)(void *arg, struct fetch *f, struct str bytes);
    /* Last callback of a fetch, possible during a pause too; it is gone when this returns. FETCH_OK
     * only if the answer was complete by its own framing. Never called after fetch_cancel(). */
    void (*on_done)(void *arg, struct fetch *f, enum fetch_result result);
};

MUST_USE int fetch_pool_new(struct loop *l, struct fetch_pool **ret);
void fetch_pool_free(struct fetch_pool **p); /* cancels what is under way, without callbacks */

/* Never fails and never calls back before it returns: trouble arrives through on_done. */
struct fetch *fetch_start(struct fetch_pool *p, const struct fetch_request *request,
                          const struct fetch_handler *handler, void *arg);

/* Close the connection now (or reset the HTTP/2 stream). Safe inside the fetch's callbacks.
 * Clears *f; NULL inside is fine. */
void fetch_cancel(struct fetch **f);

/* Back-pressure. Safe inside the callbacks; on_body is not called while paused, and at most one
 * read's worth (32 KiB) is held. The idle timeout stands still. */
void fetch_pause(struct fetch *f);
void fetch_resume(struct fetch *f);

struct str fetch_header(const struct fetch *f, const char *name); /* data NULL: none */
usec_t fetch_connected_at(const struct fetch *f); /* 0 while no connection was had */
/* Once the answer has begun: no byte of the request's body will be looked at any more. */
bool fetch_is_sent(const struct fetch *f);
