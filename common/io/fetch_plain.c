#include "fetch_plain.h"

#include "fetch_answer.h"
#include "fetch_request.h"
#include "fetch_site.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>

#define MAX_IDLE_TRANSFERS 1024
#define RECEIVE_BYTES      (32u << 10)
#define SEND_AT_ONCE       (128u << 10) /* then others have their turn */
#define ORDINARY_BYTES     4096u        /* of a head: kept for the next */

/* A pooled connection that is lost this soon after the request, before any byte of an answer, was
 * stale; later, the request may have been acted upon. */
#define STALE_WITHIN USEC_PER_SEC

struct transfer {
    struct fetch base;
    struct fetch_plain *owner;
    struct fetch_site *site;
    struct fetch_site_waiter waiter;
    struct fetch_connection *connection;

    struct buf request_head;
    struct str body[FETCH_MAX_PIECES];
    size_t n_body;
    uint64_t to_send, sent;
    usec_t sent_at;

    struct fetch_answer answer;
    struct buf held; /* read but not delivered: a pause came between */

    bool is_send_broken; /* the peer takes no more; it may have answered nevertheless */
    bool is_deaf;        /* paused, and the kernel has more */
    bool is_reused, is_resent;
    struct transfer *next; /* idle */
};

struct fetch_plain {
    struct loop *loop;
    struct fetch_sites sites;
    struct transfer *idle;
    unsigned n_idle;
    char received[RECEIVE_BYTES]; /* for one read, until it is delivered */
};

static void open_connection(struct transfer *t);

/* ---- sending ---- */

/* The next `room` bytes. */
static int gather(const struct transfer *t, size_t room, struct iovec *to)
{
    uint64_t skip = t->sent;
    int n = 0;

    for (size_t i = 0; i <= t->n_body && room > 0; i++) {
        struct str piece = i == 0 ? buf_str(&t->request_head) : t->body[i - 1];
        if (skip >= piece.len) {
            skip -= piece.len;
            continue;
        }
        size_t len = piece.len - skip < room ? piece.len - skip : room;
        to[n++] = (struct iovec){(char *)(uintptr_t)piece.data + skip, len};
        room -= len;
        skip = 0;
    }
    return n;
}

static bool has_more_to_send(const struct transfer *t)
{
    return t->sent < t->to_send && !t->is_send_broken;
}

static void send_request(struct transfer *t)
{
    struct iovec pieces[FETCH_MAX_PIECES + 1];
    struct msghdr message = {.msg_iov = pieces};

    for (size_t room = SEND_AT_ONCE; room > 0 && has_more_to_send(t);) {
        message.msg_iovlen = (size_t)gather(t, room, pieces);
        ssize_t n = sendmsg(t->connection->fd.fd, &message, MSG_NOSIGNAL);
        if (n >= 0) {
            t->sent += (uint64_t)n;
            room -= (size_t)n;
        } else if (errno == EAGAIN)
            break;
        else if (errno != EINTR)
            t->is_send_broken = true;
    }
}

static int listen_and_send(struct transfer *t)
{
    unsigned wanted = (t->is_deaf ? 0 : LOOP_READ) | (has_more_to_send(t) ? LOOP_WRITE : 0);

    return loop_fd_want(&t->connection->fd, wanted);
}

/* ---- the end ---- */

static void leave_site(struct transfer *t)
{
    fetch_site_stop_waiting(t->site, &t->waiter);
    fetch_site_leave(&t->site);
}

static void complete(struct transfer *t, bool is_clean)
{
    struct fetch_connection *c = TAKE(t->connection);

    if (is_clean && t->answer.head.response.keeps_alive && t->sent == t->to_send)
        fetch_site_keep(t->site, c);
    else
        fetch_connection_close(&c);
    fetch_transfer_done(&t->base, FETCH_OK);
}

static bool was_stale(const struct transfer *t)
{
    return t->is_reused && !t->is_resent && !t->base.deadline.is_heard &&
           loop_now(t->owner->loop) - t->sent_at < STALE_WITHIN;
}

/* The connection ended or failed under the answer. */
static void lose(struct transfer *t, bool is_orderly)
{
    if (was_stale(t)) {
        fetch_connection_close(&t->connection);
        t->is_resent = true;
        fetch_transfer_reconnecting(&t->base);
        open_connection(t);
    } else if (is_orderly && fetch_answer_is_ended_by_close(&t->answer)) {
        complete(t, false);
    } else {
        fetch_transfer_fail(&t->base, FETCH_RESET);
    }
}

/* ---- the answer ---- */

static void hold(struct transfer *t, struct str bytes)
{
    if (buf_add_str(&t->held, bytes) != BUF_OK)
        abort(); /* never more than one read */
}

/* False: the fetch is over. */
static bool deliver(struct transfer *t, struct str bytes)
{
    struct str piece;

    for (;;) {
        if (t->base.deadline.is_paused && bytes.len > 0) {
            hold(t, bytes);
            return true;
        }
        switch (fetch_answer_next(&t->answer, &bytes, &piece)) {
        case FETCH_ANSWER_MORE:
            return true;
        case FETCH_ANSWER_HEAD:
            if (!fetch_transfer_head(&t->base, t->answer.head.response.status))
                return false;
            break;
        case FETCH_ANSWER_PIECE:
            if (!fetch_transfer_body(&t->base, piece))
                return false;
            break;
        case FETCH_ANSWER_END:
            complete(t, bytes.len == 0);
            return false;
        case FETCH_ANSWER_INVALID:
            fetch_transfer_fail(&t->base, FETCH_INVALID);
            return false;
        }
    }
}

static bool receive(struct transfer *t)
{
    if (t->base.deadline.is_paused) {
        t->is_deaf = true;
        return true;
    }
    ssize_t n = recv(t->connection->fd.fd, t->owner->received, RECEIVE_BYTES, 0);
    if (n > 0) {
        fetch_transfer_heard(&t->base);
        return deliver(t, (struct str){t->owner->received, (size_t)n});
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    lose(t, n == 0);
    return false;
}

static void on_ready(void *arg, unsigned ready)
{
    struct transfer *t = arg;

    if (ready & LOOP_WRITE)
        send_request(t);
    if ((ready & LOOP_READ) && !receive(t))
        return;
    if (listen_and_send(t) < 0)
        fetch_transfer_fail(&t->base, FETCH_RESET);
}

/* ---- the connection ---- */

static void use_connection(struct transfer *t)
{
    t->connection->fd.fn = on_ready;
    t->connection->fd.arg = t;
    t->sent = 0;
    t->sent_at = loop_now(t->owner->loop);
    fetch_transfer_connected(&t->base);
    send_request(t);
    if (listen_and_send(t) < 0)
        fetch_transfer_fail_soon(&t->base, FETCH_RESET);
}

static void on_open(void *arg, int error)
{
    struct transfer *t = arg;

    if (error < 0) {
        fetch_site_forget_addresses(t->site);
        fetch_transfer_fail(&t->base, FETCH_CONNECT);
        return;
    }
    t->site->preferred = fetch_connection_address(t->connection);
    use_connection(t);
}

static void on_addresses(void *arg, bool is_found)
{
    struct transfer *t = arg;

    if (is_found)
        open_connection(t);
    else
        fetch_transfer_fail_soon(&t->base, FETCH_RESOLVE);
}

static void connect_to_site(struct transfer *t)
{
    int result = fetch_connection_new(t->owner->loop, &t->site->addresses, t->site->preferred,
                                      &t->connection);

    if (result == FETCH_CONNECTION_OPENING) {
        fetch_connection_on_open(t->connection, on_open, t);
    } else if (result == FETCH_CONNECTION_OPEN) {
        use_connection(t);
    } else {
        fetch_site_forget_addresses(t->site);
        fetch_transfer_fail_soon(&t->base, FETCH_CONNECT);
    }
}

static void open_connection(struct transfer *t)
{
    t->is_reused = t->is_send_broken = false;
    switch (fetch_site_resolve(t->site, &t->waiter)) {
    case FETCH_SITE_READY:
        connect_to_site(t);
        return;
    case FETCH_SITE_WAITING:
        return;
    case FETCH_SITE_UNKNOWN:
        fetch_transfer_fail_soon(&t->base, FETCH_RESOLVE);
        return;
    }
}

void fetch_plain_start(struct fetch *f, const struct fetch_request *request)
{
    struct transfer *t = (struct transfer *)f;

    t->site = fetch_site_enter(&t->owner->sites, request->origin->base_url);
    if (!t->site || !fetch_request_is_sound(request)) {
        fetch_transfer_fail_soon(f, t->site ? FETCH_INVALID : FETCH_RESOLVE);
        return;
    }
    assert(request->n_body <= FETCH_MAX_PIECES);
    for (size_t i = 0; i < request->n_body; i++)
        t->body[i] = request->body[i];
    t->n_body = request->n_body;
    fetch_request_write_head(request, &t->site->url, &t->request_head);
    t->to_send = t->request_head.len + fetch_request_body_bytes(request);
    fetch_answer_begin(&t->answer, str_is(str_from(request->method), "HEAD"));

    t->connection = fetch_site_take_idle(t->site);
    if (t->connection) {
        t->is_reused = true;
        use_connection(t);
    } else {
        open_connection(t);
    }
}

/* ---- the client ---- */

static void on_stop(struct fetch *f)
{
    fetch_connection_close(&((struct transfer *)f)->connection);
}

static void free_transfer(struct transfer *t)
{
    buf_done(&t->request_head);
    buf_done(&t->held);
    fetch_answer_done(&t->answer);
    free(t);
}

static void on_release(struct fetch *f)
{
    struct transfer *t = (struct transfer *)f;
    struct fetch_plain *c = t->owner;

    if (t->site)
        leave_site(t);
    buf_done(&t->held);
    fetch_answer_begin(&t->answer, false); /* which lets go of an extraordinary head */
    if (c->n_idle == MAX_IDLE_TRANSFERS) {
        free_transfer(t);
        return;
    }
    t->next = c->idle;
    c->idle = t;
    c->n_idle++;
}

static void on_resumed(struct fetch *f)
{
    struct transfer *t = (struct transfer *)f;

    if (!t->connection)
        return;
    t->is_deaf = false;
    if (t->held.len > 0) {
        CLEANUP(buf_done) struct buf held = t->held;
        buf_init(&t->held, RECEIVE_BYTES);
        if (!deliver(t, buf_str(&held)))
            return;
    }
    if (listen_and_send(t) < 0)
        fetch_transfer_fail(f, FETCH_RESET);
}

static struct str on_header(const struct fetch *f, const char *name)
{
    return fetch_head_find(&((const struct transfer *)f)->answer.head, name);
}

static bool on_is_sent(const struct fetch *f)
{
    return !has_more_to_send((const struct transfer *)f);
}

static const struct fetch_client client = {on_stop, on_release, on_resumed, on_header, on_is_sent};

struct fetch *fetch_plain_take(struct fetch_plain *c)
{
    struct transfer *t = c->idle;

    if (t) {
        c->idle = t->next;
        c->n_idle--;
    } else {
        t = calloc(1, sizeof(*t));
        if (!t)
            abort();
        t->owner = c;
        buf_init(&t->request_head, SIZE_MAX >> 1);
        buf_init(&t->held, RECEIVE_BYTES);
        fetch_answer_init(&t->answer);
        t->waiter.fn = on_addresses;
        t->waiter.arg = t;
    }
    t->base = (struct fetch){.client = &client};
    if (t->request_head.cap > ORDINARY_BYTES)
        buf_done(&t->request_head);
    buf_clear(&t->request_head);
    t->is_send_broken = t->is_deaf = t->is_reused = t->is_resent = false;
    return &t->base;
}

int fetch_plain_new(struct fetch_pool *p, struct fetch_plain **ret)
{
    struct fetch_plain *c = calloc(1, sizeof(*c));
    if (!c)
        return -ENOMEM;

    c->loop = p->loop;
    fetch_site_init(&c->sites, c->loop);
    *ret = c;
    return 0;
}

void fetch_plain_free(struct fetch_plain **ref)
{
    struct fetch_plain *c = TAKE(*ref);

    if (!c)
        return;
    for (struct transfer *t; (t = c->idle);) {
        c->idle = t->next;
        free_transfer(t);
    }
    fetch_site_done(&c->sites);
    free(c);
}
