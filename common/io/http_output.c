#include "http_connection.h"

#include <errno.h>
#include <sys/socket.h>

#define MAX_QUEUED 16384

size_t http_output_pending(const struct http_connection *c)
{
    return c->out.len - c->sent;
}

static void note_failure(struct http_connection *c)
{
    c->is_broken = true;
    http_connection_schedule(c);
}

static ssize_t send_pieces(struct http_connection *c, struct iovec *pieces, size_t n)
{
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = n};

    return c->tls ? http_tls_write(c->tls, pieces, n)
                  : sendmsg(c->fd.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Bytes the socket took; fewer than given means it is full, or that it failed. */
static size_t send_now(struct http_connection *c, struct iovec *pieces, size_t n)
{
    size_t wanted = 0;

    for (size_t i = 0; i < n; i++)
        wanted += pieces[i].iov_len;
    ssize_t sent;
    do
        sent = send_pieces(c, pieces, n);
    while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno != EAGAIN) {
        note_failure(c);
        return 0;
    }
    if (sent > 0 && c->waits_for == HTTP_WAIT_WRITE)
        c->renews_deadline = true;
    c->is_blocked = sent < 0 || (size_t)sent < wanted;
    return sent < 0 ? 0 : (size_t)sent;
}

static void keep(struct http_connection *c, const struct iovec *pieces, size_t n, size_t skip)
{
    for (size_t i = 0; i < n; i++) {
        size_t from = skip < pieces[i].iov_len ? skip : pieces[i].iov_len;
        skip -= from;
        if (buf_add(&c->out, (const char *)pieces[i].iov_base + from, pieces[i].iov_len - from) !=
            BUF_OK) {
            note_failure(c);
            return;
        }
    }
}

void http_output_flush(struct http_connection *c)
{
    if (http_output_pending(c) == 0 || c->is_broken)
        return;
    struct iovec rest = {c->out.data + c->sent, http_output_pending(c)};
    c->sent += send_now(c, &rest, 1);
    if (http_output_pending(c) == 0) {
        buf_clear(&c->out);
        c->sent = 0;
    } else if (c->sent > c->out.len / 2) { /* so that moving the rest is paid for by what went */
        buf_consume(&c->out, c->sent);
        c->sent = 0;
    }
}

void http_output_send(struct http_connection *c, struct iovec *pieces, size_t n)
{
    if (c->is_broken || c->phase == HTTP_CLOSED)
        return;
    if (!c->is_blocked)
        http_output_flush(c);
    size_t sent = c->is_blocked || c->is_broken ? 0 : send_now(c, pieces, n);
    if (!c->is_broken && c->is_blocked)
        keep(c, pieces, n, sent);
}

void http_output_queue(struct http_connection *c, struct iovec *pieces, size_t n)
{
    size_t total = http_output_pending(c);

    for (size_t i = 0; i < n; i++)
        total += pieces[i].iov_len;
    if (total > MAX_QUEUED) {
        http_output_send(c, pieces, n);
    } else if (!c->is_broken && c->phase != HTTP_CLOSED) {
        keep(c, pieces, n, 0);
        http_connection_schedule(c);
    }
}
