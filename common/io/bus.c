#include "io/bus.h"

#include "io/bus_curve.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#define DEFAULT_HIGH_WATER 1000
#define MESSAGES_PER_PASS  64
#define RECONNECT_MS       50
#define RECONNECT_MAX_MS   500
#define CONNECT_MS         500 /* over tcp: a lost SYN would be repeated after seconds only */
#define HANDSHAKE_MS       5000
#define HEARTBEAT_MS       1000
#define HEARTBEAT_LOST_MS  3000
#define IPC                "ipc://"
#define IPC_MODE           0660

struct bus {
    void *context;
    pthread_mutex_t lock; /* sockets are made by several threads; guards what follows */
    struct bus_curve_doorman *doorman;
    unsigned monitors; /* ever made: a name is free again only some time after the last use */
};

struct bus_socket {
    struct bus *bus;
    void *zmq;
    enum bus_pattern pattern;
    unsigned door;              /* at the doorman; 0: none */
    struct bus_socket *monitor; /* hears of refused peers; NULL: nobody can be */
    struct loop_fd fd;
    struct loop_timer again; /* looks for messages whose wake-up somebody else consumed */
    bus_message_fn on_message;
    void *arg;
    bool is_in_callback;
    struct bus_stats stats;
};

int bus_new(struct bus **ret)
{
    struct bus *b = calloc(1, sizeof(*b));

    if (!b)
        return -ENOMEM;
    b->context = zmq_ctx_new();
    if (!b->context) {
        int r = -errno;
        free(b);
        return r;
    }
    pthread_mutex_init(&b->lock, NULL);
    *ret = b;
    return 0;
}

void bus_free(struct bus **b)
{
    struct bus *old = *b;

    if (!old)
        return;
    zmq_ctx_shutdown(old->context);
    bus_curve_doorman_free(&old->doorman);
    while (zmq_ctx_term(old->context) && errno == EINTR)
        ;
    pthread_mutex_destroy(&old->lock);
    free(old);
    *b = NULL;
}

/* Of a PUB's peers: they come and go, and some talk back. */
static bool is_subscription(const struct bus_message *m)
{
    return m->n == 1 && m->frame[0].len > 0 && m->frame[0].data[0] == 1;
}

static void deliver(struct bus_socket *s, const struct bus_message *m)
{
    if (s->pattern == BUS_PUB && !is_subscription(m))
        return;
    s->stats.received++;
    s->is_in_callback = true;
    s->on_message(s->arg, s, m);
    s->is_in_callback = false;
}

/* True if a message arrived and was delivered or dropped. */
static bool receive(struct bus_socket *s)
{
    zmq_msg_t part[BUS_MAX_FRAMES];
    struct bus_message m = {.n = 0};
    size_t n = 0;
    bool more = true;

    while (more) {
        zmq_msg_t spare;
        zmq_msg_t *into = n < BUS_MAX_FRAMES ? &part[n] : &spare;
        zmq_msg_init(into);
        int size = zmq_msg_recv(into, s->zmq, ZMQ_DONTWAIT);
        if (size < 0 && n == 0)
            return false;  /* EAGAIN; the first call also did all of libzmq's pending work */
        assert(size >= 0); /* the parts of a message arrive together */
        more = zmq_msg_more(into);
        if (into == &spare)
            zmq_msg_close(&spare);
        else
            m.frame[m.n++] = (struct str){zmq_msg_data(into), (size_t)size};
        n++;
    }

    if (n > BUS_MAX_FRAMES)
        s->stats.dropped_invalid++;
    else
        deliver(s, &m);
    for (size_t i = 0; i < m.n; i++)
        zmq_msg_close(&part[i]);
    return true;
}

/* Does libzmq's pending work (its descriptor stays quiet until that is done). */
static bool is_writable(struct bus_socket *s)
{
    int events = 0;
    size_t size = sizeof(events);

    return zmq_getsockopt(s->zmq, ZMQ_EVENTS, &events, &size) == 0 && (events & ZMQ_POLLOUT);
}

static void drain(void *arg)
{
    struct bus_socket *s = arg;

    if (!s->on_message) {
        (void)is_writable(s);
        return;
    }
    for (unsigned n = 0; n < MESSAGES_PER_PASS; n++)
        if (!receive(s))
            return;
    loop_timer_start(&s->again, 0);
}

static void on_ready(void *arg, unsigned ready)
{
    (void)ready;
    drain(arg);
}

static int set(void *zmq, int option, int value)
{
    return zmq_setsockopt(zmq, option, &value, sizeof(value)) ? -errno : 0;
}

/* A peer that is alive but stuck answers no heartbeat; neither does one whose queue is full, so
 * PUSH and PULL, where a slow reader must cost nothing, rely on the transport alone. */
static int set_heartbeat(void *zmq)
{
    int r = set(zmq, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS);
    if (!r)
        r = set(zmq, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_LOST_MS);
    return r ? r : set(zmq, ZMQ_HEARTBEAT_TTL, HEARTBEAT_LOST_MS);
}

static int configure(struct bus_socket *s, const struct bus_socket_config *config)
{
    int high_water = config->high_water ? config->high_water : DEFAULT_HIGH_WATER;
    const struct {
        int option, value;
    } table[] = {
        {ZMQ_LINGER, 0},
        {ZMQ_SNDHWM, high_water},
        {ZMQ_RCVHWM, high_water},
        {ZMQ_IMMEDIATE, 1}, /* an absent peer is known at once instead of after a full queue */
        {ZMQ_RECONNECT_IVL, RECONNECT_MS},
        {ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS},
        {ZMQ_CONNECT_TIMEOUT, CONNECT_MS},
        {ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS},
        {ZMQ_TCP_KEEPALIVE, 1},
        {ZMQ_IPV6, strchr(config->endpoint, '[') != NULL},
    };
    const int64_t max_message = BUS_MAX_MESSAGE;
    int r = 0;

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]) && !r; i++)
        r = set(s->zmq, table[i].option, table[i].value);
    if (!r && zmq_setsockopt(s->zmq, ZMQ_MAXMSGSIZE, &max_message, sizeof(max_message)))
        r = -errno;
    if (!r && s->pattern != BUS_PUSH && s->pattern != BUS_PULL)
        r = set_heartbeat(s->zmq);
    if (!r && s->pattern == BUS_ROUTER)
        r = set(s->zmq, ZMQ_ROUTER_MANDATORY, 1); /* else it would drop in silence */
    if (!r && s->pattern == BUS_SUB && zmq_setsockopt(s->zmq, ZMQ_SUBSCRIBE, "", 0))
        r = -errno;
    if (!r && s->pattern == BUS_PUB && s->on_message)
        r = set(s->zmq, ZMQ_XPUB_VERBOSE, 1);
    if (!r && config->curve)
        r = bus_curve_apply(s->zmq, config->curve, s->door);
    return r;
}

/* libzmq replaces the socket file of a process that was killed, but also that of one that lives. */
static bool is_served(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return false;
    bool yes = str_copy(address.sun_path, sizeof(address.sun_path), str_from(path)) &&
               (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 || errno == EAGAIN);
    close(fd);
    return yes;
}

static int attach(struct bus_socket *s, const struct bus_socket_config *config)
{
    const char *path = NULL;

    if (!config->do_bind)
        return zmq_connect(s->zmq, config->endpoint) ? -errno : 0;
    if (str_has_prefix(str_from(config->endpoint), IPC))
        path = config->endpoint + strlen(IPC);
    if (path && is_served(path))
        return -EADDRINUSE;
    if (zmq_bind(s->zmq, config->endpoint))
        return -errno;
    return path && chmod(path, IPC_MODE) ? -errno : 0;
}

static int open_door(struct bus_socket *s, const struct bus_curve *keys)
{
    struct bus *b = s->bus;

    pthread_mutex_lock(&b->lock);
    int r = b->doorman ? 0 : bus_curve_doorman_new(b->context, &b->doorman);
    if (!r)
        r = bus_curve_doorman_open(b->doorman, keys, &s->door);
    pthread_mutex_unlock(&b->lock);
    return r;
}

static int watch(struct bus_socket *s, struct loop *l)
{
    int fd;
    size_t size = sizeof(fd);

    if (zmq_getsockopt(s->zmq, ZMQ_FD, &fd, &size))
        return -errno;
    loop_fd_init(&s->fd, l, fd, on_ready, s);
    loop_timer_start(&s->again, 0); /* what arrives before the first look gives no wake-up */
    return loop_fd_want(&s->fd, LOOP_READ);
}

/* libzmq tells a pair of sockets within the process of the peers that do not come in. */
static void on_event(void *arg, struct bus_socket *monitor, const struct bus_message *m)
{
    struct bus_socket *s = arg;
    uint16_t event = 0;

    (void)monitor;
    memcpy(&event, m->frame[0].data, m->frame[0].len < 2 ? 0 : 2);
    if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
        s->stats.refused_key++;
    else
        s->stats.refused_handshake++;
}

static int watch_refusals(struct bus_socket *s, struct loop *l)
{
    const int events = ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                       ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
    char endpoint[64];

    pthread_mutex_lock(&s->bus->lock);
    snprintf(endpoint, sizeof(endpoint), "inproc://refusals-%u", ++s->bus->monitors);
    pthread_mutex_unlock(&s->bus->lock);
    struct bus_socket *monitor = calloc(1, sizeof(*monitor));
    if (!monitor)
        return -ENOMEM;
    *monitor = (struct bus_socket){.bus = s->bus, .on_message = on_event, .arg = s};
    s->monitor = monitor;
    loop_timer_init(&monitor->again, l, drain, monitor);
    monitor->zmq = zmq_socket(s->bus->context, ZMQ_PAIR);
    if (!monitor->zmq || zmq_socket_monitor(s->zmq, endpoint, events) ||
        zmq_connect(monitor->zmq, endpoint))
        return -errno;
    return watch(monitor, l);
}

static int open_socket(struct bus_socket *s, struct loop *l, const struct bus_socket_config *config)
{
    static const int types[] = {
        [BUS_DEALER] = ZMQ_DEALER, [BUS_ROUTER] = ZMQ_ROUTER, [BUS_PUB] = ZMQ_PUB,
        [BUS_SUB] = ZMQ_SUB,       [BUS_PUSH] = ZMQ_PUSH,     [BUS_PULL] = ZMQ_PULL,
    };
    bool is_told = s->pattern == BUS_PUB && s->on_message;
    int r = 0;

    s->zmq = zmq_socket(s->bus->context, is_told ? ZMQ_XPUB : types[s->pattern]);
    if (!s->zmq)
        return -errno;
    if (config->curve && config->do_bind)
        r = open_door(s, config->curve);
    if (!r && config->curve)
        r = watch_refusals(s, l);
    if (!r)
        r = configure(s, config);
    if (!r)
        r = attach(s, config);
    return r ? r : watch(s, l);
}

int bus_socket_new(struct bus *b, struct loop *l, const struct bus_socket_config *config,
                   struct bus_socket **ret)
{
    int r = bus_curve_check(config->endpoint, config->curve);
    if (r)
        return r;

    CLEANUP(bus_socket_free) struct bus_socket *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->bus = b;
    s->pattern = config->pattern;
    s->on_message = config->on_message;
    s->arg = config->arg;
    assert(s->pattern == BUS_PUB || !s->on_message == (s->pattern == BUS_PUSH));
    loop_timer_init(&s->again, l, drain, s);
    r = open_socket(s, l, config);
    if (r)
        return r;
    *ret = TAKE(s);
    return 0;
}

static void close_socket(struct bus_socket *s)
{
    loop_timer_stop(&s->again);
    if (s->fd.loop)
        loop_fd_stop(&s->fd);
    if (s->zmq)
        zmq_close(s->zmq);
    free(s);
}

void bus_socket_free(struct bus_socket **s)
{
    struct bus_socket *old = *s;

    if (!old)
        return;
    assert(!old->is_in_callback);
    if (old->monitor) {
        zmq_socket_monitor(old->zmq, NULL, 0);
        close_socket(old->monitor);
    }
    if (old->door > 0)
        bus_curve_doorman_close(old->bus->doorman, old->door);
    close_socket(old);
    *s = NULL;
}

static bool send_frame(struct bus_socket *s, const struct bus_message *m, size_t i)
{
    int flags = ZMQ_DONTWAIT | (i + 1 < m->n ? ZMQ_SNDMORE : 0);
    int n;

    do
        n = zmq_send(s->zmq, m->frame[i].data, m->frame[i].len, flags);
    while (n < 0 && errno == EINTR);
    assert(n >= 0 || errno == EAGAIN || errno == EHOSTUNREACH);
    return n >= 0;
}

static enum bus_result send_message(struct bus_socket *s, const struct bus_message *m)
{
    enum bus_result r = BUS_OK;

    /* libzmq may not have looked for a while at whether there is room again. */
    if (!send_frame(s, m, 0) && !(is_writable(s) && send_frame(s, m, 0)))
        return BUS_FULL;
    /* When the peer vanishes half-way libzmq discards the message but wants to see the end of it.
     */
    for (size_t i = 1; i < m->n; i++)
        if (!send_frame(s, m, i))
            r = BUS_FULL;
    return r;
}

enum bus_result bus_socket_send(struct bus_socket *s, const struct bus_message *m)
{
    assert(m->n > 0 && m->n <= BUS_MAX_FRAMES);
    enum bus_result r = send_message(s, m);

    if (r == BUS_OK)
        s->stats.sent++;
    else
        s->stats.dropped_full++;
    /* Sending consumes the wake-up of whatever has arrived meanwhile. */
    if (s->on_message && !s->is_in_callback && !s->again.is_armed)
        loop_timer_start(&s->again, 0);
    return r;
}

bool bus_socket_has_peer(struct bus_socket *s)
{
    bool yes = is_writable(s);

    if (s->on_message && !s->is_in_callback && !s->again.is_armed)
        loop_timer_start(&s->again, 0); /* looking consumes a wake-up, too */
    return yes;
}

struct bus_stats bus_socket_stats(const struct bus_socket *s)
{
    return s->stats;
}

void bus_socket_count_invalid(struct bus_socket *s)
{
    s->stats.dropped_invalid++;
}

int bus_socket_endpoint(const struct bus_socket *s, char *ret_text, size_t size)
{
    return zmq_getsockopt(s->zmq, ZMQ_LAST_ENDPOINT, ret_text, &size) ? -errno : 0;
}
