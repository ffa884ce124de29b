#include "fetch_connection.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#define HEAD_START          (300 * USEC_PER_MSEC)
#define KEEPALIVE_IDLE_SEC  30
#define KEEPALIVE_PROBE_SEC 15

static int try_next(struct fetch_connection *c);

static void set_option(int fd, int level, int name, int value)
{
    (void)!setsockopt(fd, level, name, &value, sizeof(value)); /* only ever an improvement */
}

static void close_fd(struct fetch_connection *c)
{
    if (c->fd.fd < 0)
        return;
    loop_fd_stop(&c->fd);
    close(c->fd.fd);
    c->fd.fd = -1;
}

static void tell(struct fetch_connection *c, int error)
{
    loop_timer_stop(&c->timer);
    c->fn(c->arg, error);
}

static void try_again(struct fetch_connection *c)
{
    close_fd(c);
    int result = try_next(c);
    if (result != FETCH_CONNECTION_OPENING)
        tell(c, result);
}

static void on_writable(void *arg, unsigned ready)
{
    struct fetch_connection *c = arg;
    int error = 0;
    socklen_t size = sizeof(error);

    (void)ready;
    if (getsockopt(c->fd.fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
        error = errno;
    if (error == 0)
        tell(c, 0);
    else if (c->n_tried < c->addresses.n)
        try_again(c);
    else
        tell(c, -error);
}

static void on_head_start_over(void *arg)
{
    try_again(arg);
}

/* One address. An outcome or -errno. */
static int try(struct fetch_connection *c, const struct fetch_address *address)
{
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_SEC);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_PROBE_SEC);
    loop_fd_init(&c->fd, c->timer.loop, fd, on_writable, c);
    if (connect(fd, &address->any, address->len) == 0)
        return FETCH_CONNECTION_OPEN;

    int error = errno == EINPROGRESS ? loop_fd_want(&c->fd, LOOP_WRITE) : -errno;
    if (error < 0) {
        close_fd(c);
        return error;
    }
    if (c->n_tried < c->addresses.n)
        loop_timer_start(&c->timer, HEAD_START);
    return FETCH_CONNECTION_OPENING;
}

static int try_next(struct fetch_connection *c)
{
    int result = -EADDRNOTAVAIL;

    while (c->n_tried < c->addresses.n) {
        c->n_tried++;
        result = try(c, &c->addresses.at[fetch_connection_address(c)]);
        if (result >= 0)
            break;
    }
    return result;
}

int fetch_connection_new(struct loop *l, const struct fetch_addresses *addresses, size_t first,
                         struct fetch_connection **ret)
{
    struct fetch_connection *c = calloc(1, sizeof(*c));

    if (!c)
        abort();
    c->fd.fd = -1;
    c->addresses = *addresses;
    c->first = first;
    loop_timer_init(&c->timer, l, on_head_start_over, c);
    *ret = c;
    return try_next(c);
}

void fetch_connection_on_open(struct fetch_connection *c, fetch_connection_fn fn, void *arg)
{
    c->fn = fn;
    c->arg = arg;
}

void fetch_connection_close(struct fetch_connection **ref)
{
    struct fetch_connection *c = TAKE(*ref);

    if (!c)
        return;
    loop_timer_stop(&c->timer);
    close_fd(c);
    free(c);
}

size_t fetch_connection_address(const struct fetch_connection *c)
{
    return (c->first + c->n_tried - 1) % c->addresses.n;
}
