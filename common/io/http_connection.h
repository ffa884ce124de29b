/* http_connection.h -- what is one client's connection doing? Private to the server's own files:
 * http_server (listening), http_input (bytes to requests), http_output (bytes to the socket),
 * http_tls (encryption), http_deadline (patience), http_request and http_response (what the handler
 * sees).
 *
 * A connection has at most one request; what a client sends ahead waits. `request` is there from
 * its first byte until its answer is out and its body is in. Memory of a connection, and of a
 * request answered outside its callbacks, goes at the end of the turn.
 */
#pragma once

#include "base/buf.h"
#include "base/http1_chunked.h"
#include "base/http1_request.h"
#include "http_deadline.h"
#include "io/http_server.h"
#include "io/http_tls.h"

#include <netinet/in.h>
#include <sys/queue.h>
#include <sys/uio.h>

enum http_phase {
    HTTP_IDLE,      /* nothing of a request has come */
    HTTP_HEAD,      /* some of its head; all of that is in `in` */
    HTTP_BODY,      /* some of its body; or the rest is skipped, because it is answered */
    HTTP_ANSWERING, /* it is the handler's, or its answer is on the way out */
    HTTP_LINGERING, /* our side is shut; the rest of what they send is thrown away */
    HTTP_CLOSED,    /* released at the end of the turn */
};

struct http_request {
    struct http_connection *connection;
    struct http_request *next; /* in the server's store of spare ones */
    struct arena arena;
    struct http1_request head;
    struct str bytes; /* of the head; in the arena */
    struct str path;  /* decoded */
    struct buf body;
    struct http1_chunked chunked;
    uint64_t body_left; /* of a Content-Length */
    size_t max_body;
    usec_t accepted_at;
    void *data;
    const char *route;

    int status;               /* of the answer; 0: none has begun */
    uint64_t n_answer_bytes;  /* of its body */
    bool is_dispatched;       /* on_request was called */
    bool is_chunked, is_bare; /* the answer's framing; bare: it has no body */
    bool is_answered;         /* the handler is done with it */
    bool is_cut;              /* … and wants the client to see that it is not whole */
    bool is_finished;         /* on_finished was called */
    bool was_full;
    struct http1_field fields[];
};

struct http_connection {
    struct http_server *server;
    struct http_tls_session *tls; /* NULL: clear text */
    struct loop_fd fd;
    struct loop_task after; /* at the end of the turn: go on, or be released */
    TAILQ_ENTRY(http_connection) link;
    usec_t deadline;
    enum http_wait waits_for; /* the list it is on */
    enum http_phase phase;
    struct http_request *request;
    struct buf in;  /* read but not taken: part of a head, or requests sent ahead */
    struct buf out; /* written but not sent; the first `sent` bytes are */
    size_t sent, n_lingered;
    bool is_blocked;      /* the socket is full */
    bool is_broken;       /* it failed; noticed where the handler cannot be called */
    bool is_in_handler;   /* of this connection's request: it goes on when that returns */
    bool is_half_closed;  /* the client will send no more, but awaits its answer */
    bool has_served;      /* a request, before the one that may be under way */
    bool closes;          /* after this answer */
    bool lingers;         /* … when the client has seen it */
    bool renews_deadline; /* it has earned its full time again */
    bool is_loopback;
    int tag;
    char peer[INET6_ADDRSTRLEN];
};

TAILQ_HEAD(http_connections, http_connection);

struct http_listener;

struct http_server {
    struct loop *loop;
    struct http_server_config config;
    struct http_server_handler handler;
    void *arg;
    struct http_listener *listeners;
    struct http_tls *tls;
    struct http_connections waiting[HTTP_WAITS]; /* each in the order of its deadlines */
    usec_t patience[HTTP_WAITS];
    struct loop_timer tick, resume;
    usec_t tick_at;
    struct loop_task release;
    bool is_draining;
    unsigned n_connections, n_requests, n_in_flight;
    struct http_request *spares;
    unsigned n_spares;
    time_t date_at;
    char date[40];
    struct buf head;     /* where heads of answers are put together */
    char scratch[65536]; /* where bytes are read that may be used up at once */
};

/* http_connection.c */
struct http_accepted {
    int fd, tag;
    bool is_encrypted;
    struct sockaddr_storage peer;
};
void http_connection_new(struct http_server *s, const struct http_accepted *accepted);
void http_connection_close(struct http_connection *c);
/* The client left or the connection failed: tells the handler. */
void http_connection_lose(struct http_connection *c);
void http_connection_expire(struct http_connection *c);
/* Go on at the end of the turn. */
void http_connection_schedule(struct http_connection *c);
/* If the answer is out, report it and, if the body is in, end the request. */
void http_connection_settle(struct http_connection *c);

/* http_input.c */
void http_input_read(struct http_connection *c);
/* They will send no more. */
void http_input_end(struct http_connection *c);
/* Take requests from the front of what was read before. */
void http_input_resume(struct http_connection *c);

/* http_output.c: neither calls the handler; failure is noted in is_broken. */
void http_output_send(struct http_connection *c, struct iovec *pieces, size_t n);
/* The same, but what is small goes at the end of the turn, together. */
void http_output_queue(struct http_connection *c, struct iovec *pieces, size_t n);
void http_output_flush(struct http_connection *c);
size_t http_output_pending(const struct http_connection *c);

/* http_request.c */
struct http_request *http_request_new(struct http_connection *c);
void http_request_free(struct http_request *r); /* into the store, or to the heap */

/* http_response.c: the server's own answer to what never reaches the handler; closes. */
void http_response_refuse(struct http_request *r, int status, const char *why);
