/* http_server.h -- how do HTTP/1.1 requests come in and answers go out? (RFC 9110, RFC 9112)
 *
 * One server per loop, any number of listening sockets on it. The request is handed over when its
 * body is complete; an early look at the head may answer or refuse it before the body is read.
 * A client that leaves (FIN or RST, at any time) is reported at once through on_gone.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/macro.h"
#include "base/str.h"
#include "io/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_server;
struct http_tls;
struct http_request; /* lives from on_head until its answer is finished or on_gone returns */

struct http_header {
    struct str name, value;
};

struct http_server_config { /* none of the limits may be 0; a timeout of 0 never ends */
    size_t max_header, max_body;
    unsigned max_fields; /* 100 */
    unsigned max_connections;
    usec_t header_timeout, body_timeout; /* total, not idle */
    usec_t idle_timeout, write_timeout;
    size_t
        high_water; /* response bytes held per connection before http_response_is_full(); 64 KiB */
};

struct http_server_handler {
    /* Optional. The head is complete, the body not read yet; may answer (the rest is then skipped
     * or the connection closed) or lower the body limit. */
    void (*on_head)(void *arg, struct http_request *r);
    /* The whole request is here. Answer now or later. */
    void (*on_request)(void *arg, struct http_request *r);
    /* The client left, or the connection failed, before the handler had finished its answer. Only
     * after on_request, or if an answer had been begun before. `r` is gone when this returns. */
    void (*on_gone)(void *arg, struct http_request *r);
    /* Output that was over the high-water mark has drained: go on writing. */
    void (*on_writable)(void *arg, struct http_request *r);
    /* Optional. An answer has been handed to the kernel in full, or the client left (status 499):
     * for metrics. `route` is what http_request_set_route() was told, else "other". */
    void (*on_finished)(void *arg, const struct http_request *r, int status, usec_t duration);
};

MUST_USE int http_server_new(struct loop *l, const struct http_server_config *config,
                             const struct http_server_handler *handler, void *arg,
                             struct http_server **ret);
void http_server_free(struct http_server **s); /* closes every connection */

/* Takes over a listening, non-blocking socket; `on_gone` etc. as above for its connections.
 * `tag` comes back from http_request_tag(): which listener was it? */
MUST_USE int http_server_listen(struct http_server *s, int fd, int tag);
/* The same, with TLS. What http_server_set_tls() was told last is used for new connections;
 * borrowed until it is told something else, as after a reload. */
MUST_USE int http_server_listen_tls(struct http_server *s, int fd, int tag);
void http_server_set_tls(struct http_server *s, struct http_tls *tls);

/* Stop accepting, answer what is under way with `Connection: close`, close idle connections. A
 * connection that has asked nothing yet may still do so: it stays until the server is freed. */
void http_server_drain(struct http_server *s);
bool http_server_is_idle(const struct http_server *s); /* no request under way */
unsigned http_server_connections(const struct http_server *s);
unsigned http_server_in_flight(const struct http_server *s);

/* The request. Everything is borrowed until the answer is finished. */
struct str http_request_method(const struct http_request *r);
struct str http_request_path(const struct http_request *r);  /* decoded and normal, no query */
struct str http_request_query(const struct http_request *r); /* without '?', not decoded */
struct str http_request_header(const struct http_request *r,
                               const char *name); /* data NULL: none */
struct str http_request_body(const struct http_request *r);
/* The body is the caller's now, at the address it had; `ret` is overwritten. */
void http_request_take_body(struct http_request *r, struct buf *ret);
/* It is the request's again. */
void http_request_give_body(struct http_request *r, struct buf *body);
struct str http_request_peer(const struct http_request *r); /* "192.0.2.1"; "unix" */
bool http_request_is_loopback(const struct http_request *r);
int http_request_tag(const struct http_request *r);
usec_t http_request_accepted_at(const struct http_request *r); /* first byte of the head seen */
struct arena *http_request_arena(struct http_request *r);      /* released with the request */
void http_request_set_data(struct http_request *r, void *data);
void *http_request_data(const struct http_request *r);
void http_request_set_route(struct http_request *r,
                            const char *route); /* static text, for metrics */
const char *http_request_route(const struct http_request *r);
void http_request_set_max_body(struct http_request *r, size_t max); /* in on_head only */

/* A whole answer. Adds Content-Length, Date, Connection. Bytes are copied before it returns. */
void http_response_send(struct http_request *r, int status, const struct http_header *headers,
                        size_t n_headers, struct str body);

/* A streamed answer, chunked (HTTP/1.0: until close). */
void http_response_begin(struct http_request *r, int status, const struct http_header *headers,
                         size_t n_headers);
void http_response_write(struct http_request *r, struct str bytes);
bool http_response_is_full(const struct http_request *r); /* stop; on_writable will follow */
void http_response_end(struct http_request *r);
/* Close without the terminating chunk: the client must see that the answer is cut. */
void http_response_abort(struct http_request *r);
uint64_t http_response_bytes(const struct http_request *r);
