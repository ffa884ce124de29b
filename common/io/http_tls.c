#include "io/http_tls.h"

#include <errno.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define RECORD 16384

struct http_tls {
    SSL_CTX *context;
    BIO_METHOD *socket;
    atomic_uint n_holds; /* the maker's, and one each session */
};

struct http_tls_session {
    struct http_tls *tls;
    SSL *ssl;
};

static int fd_of(BIO *b)
{
    return (int)(intptr_t)BIO_get_data(b);
}

/* OpenSSL's own socket BIO writes with write(), and dies of SIGPIPE. */
static int socket_write(BIO *b, const char *bytes, int n)
{
    ssize_t sent = send(fd_of(b), bytes, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);

    BIO_clear_retry_flags(b);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_retry_write(b);
    return (int)sent;
}

static int socket_read(BIO *b, char *to, int size)
{
    ssize_t got = recv(fd_of(b), to, (size_t)size, MSG_DONTWAIT);

    BIO_clear_retry_flags(b);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_retry_read(b);
    return (int)got;
}

static long socket_control(BIO *b, int command, long n, void *p)
{
    (void)b;
    (void)n;
    (void)p;
    return command == BIO_CTRL_FLUSH;
}

/* A key with a passphrase is refused, not asked about on a terminal. */
static int no_passphrase(char *to, int size, int is_writing, void *arg)
{
    (void)to;
    (void)size;
    (void)is_writing;
    (void)arg;
    return -1;
}

/* A client that speaks something else only is told so in the handshake. */
static int choose_protocol(SSL *ssl, const unsigned char **ret, unsigned char *ret_len,
                           const unsigned char *offered, unsigned n, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen;

    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto(&chosen, ret_len, ours, sizeof(ours) - 1, offered, n) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *ret = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static void set_policy(SSL_CTX *context)
{
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    if (SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1)
        abort();
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); /* tickets resume sessions */
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
}

static BIO_METHOD *new_socket_method(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");

    if (!m)
        abort();
    BIO_meth_set_write(m, socket_write);
    BIO_meth_set_read(m, socket_read);
    BIO_meth_set_ctrl(m, socket_control);
    return m;
}

enum http_tls_result http_tls_new(const char *certificate, const char *key, struct http_tls **ret)
{
    enum http_tls_result result = HTTP_TLS_OK;
    struct http_tls *t = calloc(1, sizeof(*t));

    if (!t || !(t->context = SSL_CTX_new(TLS_server_method())))
        abort();
    t->n_holds = 1;
    set_policy(t->context);
    t->socket = new_socket_method();
    if (SSL_CTX_use_certificate_chain_file(t->context, certificate) != 1)
        result = HTTP_TLS_BAD_CERTIFICATE;
    else if (SSL_CTX_use_PrivateKey_file(t->context, key, SSL_FILETYPE_PEM) != 1)
        result = ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH
                     ? HTTP_TLS_MISMATCH
                     : HTTP_TLS_BAD_KEY;
    ERR_clear_error();
    if (result != HTTP_TLS_OK)
        http_tls_free(&t);
    else
        *ret = t;
    return result;
}

void http_tls_free(struct http_tls **ref)
{
    struct http_tls *t = TAKE(*ref);

    if (!t || atomic_fetch_sub(&t->n_holds, 1) > 1)
        return;
    SSL_CTX_free(t->context);
    BIO_meth_free(t->socket);
    free(t);
}

const char *http_tls_result_text(enum http_tls_result r)
{
    switch (r) {
    case HTTP_TLS_OK:
        return "the certificate and the key are in order";
    case HTTP_TLS_BAD_CERTIFICATE:
        return "the certificate cannot be read";
    case HTTP_TLS_BAD_KEY:
        return "the key cannot be read";
    case HTTP_TLS_MISMATCH:
        return "the key does not belong to the certificate";
    }
    return "";
}

static int64_t not_after(const X509 *certificate)
{
    struct tm date = {0};

    return ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &date) == 1 ? timegm(&date) : 0;
}

int64_t http_tls_expiry(const struct http_tls *t)
{
    int64_t first = not_after(SSL_CTX_get0_certificate(t->context));
    STACK_OF(X509) *chain = NULL;

    SSL_CTX_get0_chain_certs(t->context, &chain);
    for (int i = 0; i < sk_X509_num(chain); i++) {
        int64_t at = not_after(sk_X509_value(chain, i));
        if (at < first)
            first = at;
    }
    return first;
}

struct http_tls_session *http_tls_session_new(struct http_tls *t, int fd)
{
    struct http_tls_session *s = calloc(1, sizeof(*s));
    BIO *bio = BIO_new(t->socket);

    if (!s || !bio || !(s->ssl = SSL_new(t->context)))
        abort();
    s->tls = t;
    atomic_fetch_add(&t->n_holds, 1);
    BIO_set_data(bio, (void *)(intptr_t)fd);
    BIO_set_init(bio, 1);
    SSL_set_bio(s->ssl, bio, bio);
    SSL_set_accept_state(s->ssl);
    return s;
}

void http_tls_session_free(struct http_tls_session **ref)
{
    struct http_tls_session *s = TAKE(*ref);

    if (!s)
        return;
    SSL_free(s->ssl);
    http_tls_free(&s->tls);
    free(s);
}

/* -1 with errno, or 0 for the end, for a result of OpenSSL that is no success. */
static ssize_t failure_of(struct http_tls_session *s, int result)
{
    int error = SSL_get_error(s->ssl, result);

    ERR_clear_error();
    if (error == SSL_ERROR_ZERO_RETURN)
        return 0;
    errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
    return -1;
}

ssize_t http_tls_read(struct http_tls_session *s, void *to, size_t size)
{
    int n = SSL_read(s->ssl, to, size < INT_MAX ? (int)size : INT_MAX);

    return n > 0 ? n : failure_of(s, n);
}

/* The next record's bytes: where they are if they are in one piece, else put together. */
static size_t gather(const struct iovec *pieces, size_t n, size_t skip, const char **ret,
                     char record[RECORD])
{
    size_t len = 0;

    for (size_t i = 0; i < n && len < RECORD; i++) {
        size_t from = skip < pieces[i].iov_len ? skip : pieces[i].iov_len;
        size_t take = pieces[i].iov_len - from;
        const char *bytes = (const char *)pieces[i].iov_base + from;
        skip -= from;
        if (len == 0 && (take >= RECORD || i + 1 == n)) {
            *ret = bytes;
            return take < RECORD ? take : RECORD;
        }
        if (take > RECORD - len)
            take = RECORD - len;
        memcpy(record + len, bytes, take);
        len += take;
    }
    *ret = record;
    return len;
}

ssize_t http_tls_write(struct http_tls_session *s, const struct iovec *pieces, size_t n)
{
    char record[RECORD];
    const char *bytes;
    size_t sent = 0, len;

    while ((len = gather(pieces, n, sent, &bytes, record)) > 0) {
        int result = SSL_write(s->ssl, bytes, (int)len);
        if (result <= 0) {
            ssize_t failure = failure_of(s, result);
            return sent > 0 && errno == EAGAIN ? (ssize_t)sent : failure < 0 ? failure : -1;
        }
        sent += (size_t)result;
    }
    return (ssize_t)sent;
}

bool http_tls_is_open(const struct http_tls_session *s)
{
    return SSL_is_init_finished(s->ssl);
}

bool http_tls_has_pending(const struct http_tls_session *s)
{
    return SSL_pending(s->ssl) > 0;
}

void http_tls_end(struct http_tls_session *s)
{
    if (SSL_is_init_finished(s->ssl))
        (void)SSL_shutdown(s->ssl);
    ERR_clear_error();
}
