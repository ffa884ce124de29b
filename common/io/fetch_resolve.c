#include "fetch_resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define STACK_BYTES (256u << 10)

/* Shared by the thread and the loop; the last to let go releases it. */
struct lookup {
    pthread_mutex_t lock; /* guards all below */
    unsigned references;
    int done_fd; /* -1: nobody waits any more */
    char *host;
    uint16_t port;
    struct fetch_addresses found;
};

struct fetch_resolve {
    struct lookup *lookup;
    struct loop_fd fd;
    fetch_resolve_fn fn;
    void *arg;
};

static void add(struct fetch_addresses *to, const struct sockaddr *address, socklen_t len,
                uint16_t port)
{
    if (to->n == FETCH_RESOLVE_MAX)
        return;

    struct fetch_address *a = &to->at[to->n++];
    *a = (struct fetch_address){.len = len};
    memcpy(&a->any, address, len);
    if (a->any.sa_family == AF_INET)
        a->v4.sin_port = htons(port);
    else
        a->v6.sin6_port = htons(port);
}

bool fetch_resolve_literal(struct str host, uint16_t port, struct fetch_addresses *ret)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    char text[INET6_ADDRSTRLEN];

    ret->n = 0;
    if (str_is_nocase(host, "localhost")) {
        v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        v6.sin6_addr = in6addr_loopback;
        add(ret, (const struct sockaddr *)&v4, sizeof(v4), port);
        add(ret, (const struct sockaddr *)&v6, sizeof(v6), port);
    } else if (!str_copy(text, sizeof(text), host)) {
        return false;
    } else if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        add(ret, (const struct sockaddr *)&v4, sizeof(v4), port);
    } else if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) {
        add(ret, (const struct sockaddr *)&v6, sizeof(v6), port);
    }
    return ret->n > 0;
}

bool fetch_resolve_socket(struct str path, struct fetch_addresses *ret)
{
    struct fetch_address *a = &ret->at[0];

    *ret = (struct fetch_addresses){.n = 1};
    a->unix_.sun_family = AF_UNIX;
    a->len = sizeof(a->unix_);
    return str_copy(a->unix_.sun_path, sizeof(a->unix_.sun_path), path);
}

static void let_go(struct lookup *l)
{
    pthread_mutex_lock(&l->lock);
    bool is_last = --l->references == 0;
    pthread_mutex_unlock(&l->lock);
    if (!is_last)
        return;
    pthread_mutex_destroy(&l->lock);
    free(l->host);
    free(l);
}

static void *look_up(void *arg)
{
    struct lookup *l = arg;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *list = NULL;
    struct fetch_addresses found = {.n = 0};

    if (getaddrinfo(l->host, NULL, &hints, &list) == 0) {
        for (struct addrinfo *a = list; a; a = a->ai_next)
            if (a->ai_family == AF_INET || a->ai_family == AF_INET6)
                add(&found, a->ai_addr, a->ai_addrlen, l->port);
        freeaddrinfo(list);
    }

    pthread_mutex_lock(&l->lock);
    l->found = found;
    if (l->done_fd >= 0)
        (void)!write(l->done_fd, &(uint64_t){1}, sizeof(uint64_t));
    pthread_mutex_unlock(&l->lock);
    let_go(l);
    return NULL;
}

static void on_done(void *arg, unsigned ready)
{
    struct fetch_resolve *r = arg;

    (void)ready;
    loop_fd_stop(&r->fd);
    pthread_mutex_lock(&r->lookup->lock);
    struct fetch_addresses found = r->lookup->found;
    pthread_mutex_unlock(&r->lookup->lock);
    r->fn(r->arg, &found);
}

/* Signals are for the thread that asked for them. */
static int start_thread(struct lookup *l)
{
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all, before;

    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&thread, &attr, look_up, l);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return -error;
}

int fetch_resolve_start(struct loop *loop, struct str host, uint16_t port, fetch_resolve_fn fn,
                        void *arg, struct fetch_resolve **ret)
{
    struct lookup *l = calloc(1, sizeof(*l));
    CLEANUP(fetch_resolve_free) struct fetch_resolve *r = calloc(1, sizeof(*r));

    if (!l || !r || !(l->host = strndup(host.data, host.len)))
        abort();
    pthread_mutex_init(&l->lock, NULL);
    l->references = 1;
    l->port = port;
    r->lookup = l;
    r->fn = fn;
    r->arg = arg;
    l->done_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (l->done_fd < 0)
        return -errno;
    loop_fd_init(&r->fd, loop, l->done_fd, on_done, r);
    int error = loop_fd_want(&r->fd, LOOP_READ);
    if (error < 0)
        return error;

    l->references = 2;
    error = start_thread(l);
    if (error < 0) {
        l->references = 1;
        return error;
    }
    *ret = TAKE(r);
    return 0;
}

void fetch_resolve_free(struct fetch_resolve **ref)
{
    struct fetch_resolve *r = TAKE(*ref);

    if (!r)
        return;
    loop_fd_stop(&r->fd);
    pthread_mutex_lock(&r->lookup->lock);
    if (r->lookup->done_fd >= 0)
        close(r->lookup->done_fd);
    r->lookup->done_fd = -1;
    pthread_mutex_unlock(&r->lookup->lock);
    let_go(r->lookup);
    free(r);
}
