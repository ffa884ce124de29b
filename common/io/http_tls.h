/* http_tls.h -- how is a client's connection encrypted? (TLS 1.2 and 1.3, AEAD only)
 *
 * For the HTTP server: one http_tls holds a certificate and its key, any number of threads may make
 * sessions from it. Sessions never block and never raise SIGPIPE.
 */
#pragma once

#include "base/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

enum http_tls_result {
    HTTP_TLS_OK = 0,
    HTTP_TLS_BAD_CERTIFICATE, /* missing, unreadable, no PEM */
    HTTP_TLS_BAD_KEY,         /* likewise, or it needs a passphrase */
    HTTP_TLS_MISMATCH,        /* the key is another certificate's */
};

struct http_tls;
struct http_tls_session;

/* From PEM files: the certificate with its chain, and the key. */
MUST_USE enum http_tls_result http_tls_new(const char *certificate, const char *key,
                                           struct http_tls **ret);
void http_tls_free(struct http_tls **t); /* its sessions may live on */
const char *http_tls_result_text(enum http_tls_result r);
/* When the first certificate of the chain ceases to be valid, in seconds since the epoch. */
int64_t http_tls_expiry(const struct http_tls *t);

/* The server's side of the connection; does not own the descriptor. */
struct http_tls_session *http_tls_session_new(struct http_tls *t, int fd);
void http_tls_session_free(struct http_tls_session **s);

/* Like recv() and sendmsg() on a non-blocking socket: -1 with errno EAGAIN if it would block. The
 * handshake happens in http_tls_read(). What http_tls_write() did not take must come first in the
 * next call. */
ssize_t http_tls_read(struct http_tls_session *s, void *to, size_t size);
ssize_t http_tls_write(struct http_tls_session *s, const struct iovec *pieces, size_t n);

bool http_tls_is_open(const struct http_tls_session *s); /* the handshake is over */
/* Decrypted bytes wait to be read: the socket will not tell. */
bool http_tls_has_pending(const struct http_tls_session *s);
/* Tell the client that nothing more will come. */
void http_tls_end(struct http_tls_session *s);
