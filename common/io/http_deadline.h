/* http_deadline.h -- how long does the server wait for a client? Private to the HTTP server.
 *
 * Every connection waits for one thing at a time, and is on the list of those that wait for it: all
 * on one list have the same patience, so the list is in the order of their deadlines.
 */
#pragma once

struct http_connection;
struct http_server;

enum http_wait {
    HTTP_WAIT_IDLE,   /* for the first byte of a request */
    HTTP_WAIT_HEADER, /* for the rest of its head, or for the end of the handshake */
    HTTP_WAIT_BODY,
    HTTP_WAIT_WRITE, /* for the client to read */
    HTTP_WAIT_LINGER,
    HTTP_WAIT_FOREVER, /* the handler sets its own deadlines */
    HTTP_WAITS,
};

void http_deadline_init(struct http_server *s);
/* From now on. */
void http_deadline_set(struct http_connection *c, enum http_wait wait);
