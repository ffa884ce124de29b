#include "publisher.h"

#include "base/digest.h"
#include "io/address.h"
#include "io/bus_metrics.h"
#include "io/log.h"
#include "nodes/node_keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_MESSAGE (4u << 20) /* as many providers as there may be, each an engine */
#define TRY_AGAIN   (100 * USEC_PER_MSEC)
#define TRIES       50
#define HELLO_PAUSE (50 * USEC_PER_MSEC) /* many subscribe at once when we come back */

struct outlet {
    struct bus_socket *socket; /* NULL: closed */
    struct bus_stats counted;
    const char *label;
};

struct publisher {
    struct bus *bus;
    struct loop *loop;
    publisher_hello_fn hello;
    void *arg;
    struct outlet here, away;
    struct loop_timer greeting, again;
    unsigned tries;
    const struct settings *settings;
    uint8_t opened_with[DIGEST_SIZE]; /* address and keys; zeroes: closed */
    uint64_t epoch, sequence;
    struct buf message;
};

static void on_greeting(void *arg)
{
    struct publisher *p = arg;

    p->hello(p->arg);
}

static void on_subscriber(void *arg, struct bus_socket *socket, const struct bus_message *m)
{
    struct publisher *p = arg;

    (void)socket, (void)m;
    if (!p->greeting.is_armed)
        loop_timer_start(&p->greeting, HELLO_PAUSE);
}

static int open_outlet(struct publisher *p, const char *endpoint, const struct bus_curve *curve,
                       struct outlet *ret)
{
    struct bus_socket_config config = {
        .pattern = BUS_PUB,
        .endpoint = endpoint,
        .do_bind = true,
        .curve = curve,
        .on_message = on_subscriber,
        .arg = p,
    };

    return bus_socket_new(p->bus, p->loop, &config, &ret->socket);
}

static void close_away(struct publisher *p)
{
    loop_timer_stop(&p->again);
    bus_socket_free(&p->away.socket);
    p->away.counted = (struct bus_stats){0};
    memset(p->opened_with, 0, sizeof(p->opened_with));
}

/* Of all that a socket is opened with. */
static void identify(const struct settings *s, const struct node_keys *keys,
                     uint8_t ret[DIGEST_SIZE])
{
    struct buf all;

    buf_init(&all, MAX_MESSAGE);
    (void)!buf_printf(&all, "%s\n%s\n%s\n", s->health.publish, keys->secret ? keys->secret : "",
                      keys->secret ? s->curve.public_key : "");
    for (size_t i = 0; i < s->curve.n_allow; i++)
        (void)!buf_printf(&all, "%s\n", s->curve.allow[i]);
    digest_sha256(buf_str(&all), ret);
    explicit_bzero(all.data, all.len);
    buf_done(&all);
}

/* libzmq binds to numbers only, and "localhost" is an address to us. */
static void write_endpoint(const char *address, char *to, size_t size)
{
    char numeric[128];
    struct address a;

    if (!address_parse(str_from(address), &a) || !address_format(&a, numeric, sizeof(numeric)))
        snprintf(numeric, sizeof(numeric), "%s", address);
    snprintf(to, size, "tcp://%s", numeric);
}

static int open_away(struct publisher *p, char *reterr, size_t reterr_size)
{
    const struct settings *s = p->settings;
    struct node_keys keys;
    uint8_t identity[DIGEST_SIZE];
    char endpoint[512];

    int r = node_keys_read(s, &keys, reterr, reterr_size);
    if (r < 0)
        return r;
    identify(s, &keys, identity);
    if (!p->away.socket || memcmp(identity, p->opened_with, DIGEST_SIZE) != 0) {
        close_away(p);
        write_endpoint(s->health.publish, endpoint, sizeof(endpoint));
        r = open_outlet(p, endpoint, node_keys_for(&keys, NULL), &p->away);
        memcpy(p->opened_with, identity, DIGEST_SIZE);
    }
    if (r < 0)
        snprintf(reterr, reterr_size, "cannot publish at %s: %s", s->health.publish, strerror(-r));
    node_keys_done(&keys);
    return r;
}

/* A socket lets go of its place some time after it is closed. */
static void on_again(void *arg)
{
    struct publisher *p = arg;
    char why[256];

    int r = open_away(p, why, sizeof(why));
    if (r == -EADDRINUSE && ++p->tries < TRIES)
        loop_timer_start(&p->again, TRY_AGAIN);
    else if (r < 0)
        log_error("%s", why);
}

int publisher_new(struct bus *b, struct loop *l, const char *runtime, publisher_hello_fn hello,
                  void *arg, struct publisher **ret)
{
    CLEANUP(publisher_free) struct publisher *p = calloc(1, sizeof(*p));
    char endpoint[512];

    if (!p)
        abort();
    p->bus = b;
    p->loop = l;
    p->hello = hello;
    p->arg = arg;
    p->here.label = "health";
    p->away.label = "publish";
    loop_timer_init(&p->again, l, on_again, p);
    p->epoch = loop_wall(l) / USEC_PER_MSEC;
    buf_init(&p->message, MAX_MESSAGE);
    loop_timer_init(&p->greeting, l, on_greeting, p);
    snprintf(endpoint, sizeof(endpoint), "ipc://%s/health.sock", runtime);
    int r = open_outlet(p, endpoint, NULL, &p->here);
    if (r == 0)
        *ret = TAKE(p);
    return r;
}

void publisher_free(struct publisher **p)
{
    struct publisher *old = *p;

    if (!old)
        return;
    loop_timer_stop(&old->greeting);
    loop_timer_stop(&old->again);
    bus_socket_free(&old->here.socket);
    bus_socket_free(&old->away.socket);
    buf_done(&old->message);
    free(old);
    *p = NULL;
}

int publisher_configure(struct publisher *p, const struct settings *s, char *reterr,
                        size_t reterr_size)
{
    p->settings = s;
    p->tries = 0;
    if (!s->health.publish[0]) {
        close_away(p);
        return 0;
    }
    int r = open_away(p, reterr, reterr_size);
    if (r == -EADDRINUSE)
        loop_timer_start(&p->again, TRY_AGAIN);
    return r;
}

void publisher_send(struct publisher *p, const struct bus_message *m)
{
    /* What is dropped the bus counts, and the next snapshot follows within a second. */
    (void)!bus_socket_send(p->here.socket, m);
    if (p->away.socket)
        (void)!bus_socket_send(p->away.socket, m);
}

void publisher_tell(struct publisher *p, enum message_type type, struct health_snapshot *s,
                    struct str more)
{
    struct message_header header = {.type = type, .correlation_id = p->sequence};
    uint8_t head[MESSAGE_HEADER_SIZE];

    s->node = str_from(p->settings->health.node_id);
    s->epoch = p->epoch;
    s->sequence = p->sequence++;
    s->at_ms = loop_wall(p->loop) / USEC_PER_MSEC;
    buf_clear(&p->message);
    if (health_encode(s, &p->message) != BUF_OK) {
        log_error("the health snapshot is over %u bytes and was not sent", MAX_MESSAGE);
        return;
    }
    const struct bus_message m = {
        .frame = {message_encode(&header, head), buf_str(&p->message), more},
        .n = more.len > 0 ? 3 : 2,
    };
    publisher_send(p, &m);
}

static void count(struct outlet *o, struct metrics_shard *shard)
{
    if (o->socket)
        bus_metrics_count(shard, o->label, bus_socket_stats(o->socket), &o->counted);
}

void publisher_count(struct publisher *p, struct metrics_shard *shard)
{
    count(&p->here, shard);
    count(&p->away, shard);
}
