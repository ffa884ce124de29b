#include "io/bus_curve.h"

#include "base/str.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#define DOOR        "inproc://zeromq.zap.01"
#define KEY_SIZE    32
#define KEY_TEXT    40
#define ZAP_FRAMES  7 /* version, request id, domain, address, identity, mechanism, key */
#define ZAP_REQUEST 1
#define ZAP_DOMAIN  2
#define ZAP_KEY     6

struct bus_curve_doorman {
    void *door;
    pthread_t thread;
};

struct question {
    char frame[ZAP_FRAMES][256];
    size_t len[ZAP_FRAMES];
    unsigned n;
};

/* False when the context is shut down. */
static bool receive(void *door, struct question *q)
{
    int more = 1;
    size_t size = sizeof(more);

    for (q->n = 0; more; q->n++) {
        char spare[256];
        bool fits = q->n < ZAP_FRAMES;
        int n = zmq_recv(door, fits ? q->frame[q->n] : spare, sizeof(spare), 0);
        if (n < 0)
            return false;
        if (fits)
            q->len[q->n] = (size_t)n < sizeof(spare) ? (size_t)n : sizeof(spare);
        if (zmq_getsockopt(door, ZMQ_RCVMORE, &more, &size))
            return false;
    }
    return true;
}

static bool is_welcome(const struct question *q)
{
    char text[KEY_TEXT + 1];

    return q->n == ZAP_FRAMES && q->len[ZAP_KEY] == KEY_SIZE && q->len[ZAP_DOMAIN] == KEY_TEXT &&
           zmq_z85_encode(text, (const uint8_t *)q->frame[ZAP_KEY], KEY_SIZE) &&
           memcmp(text, q->frame[ZAP_DOMAIN], KEY_TEXT) == 0;
}

static void answer(void *door, const struct question *q, bool yes)
{
    size_t id_len = q->n > ZAP_REQUEST ? q->len[ZAP_REQUEST] : 0;

    /* An answer can only fail because the context is going away. */
    (void)zmq_send(door, "1.0", 3, ZMQ_SNDMORE);
    (void)zmq_send(door, q->frame[ZAP_REQUEST], id_len, ZMQ_SNDMORE);
    (void)zmq_send(door, yes ? "200" : "400", 3, ZMQ_SNDMORE);
    (void)zmq_send(door, yes ? "OK" : "unknown key", yes ? 2 : 11, ZMQ_SNDMORE);
    (void)zmq_send(door, "", 0, ZMQ_SNDMORE);
    (void)zmq_send(door, "", 0, 0);
}

static void *keep_door(void *arg)
{
    struct bus_curve_doorman *d = arg;
    struct question q = {.n = 0};

    while (receive(d->door, &q))
        answer(d->door, &q, is_welcome(&q));
    zmq_close(d->door);
    return NULL;
}

int bus_curve_doorman_new(void *zmq_context, struct bus_curve_doorman **ret)
{
    struct bus_curve_doorman *d = calloc(1, sizeof(*d));
    int r;

    if (!d)
        return -ENOMEM;
    d->door = zmq_socket(zmq_context, ZMQ_REP);
    if (!d->door || zmq_bind(d->door, DOOR)) {
        r = -errno;
        if (d->door)
            zmq_close(d->door);
        free(d);
        return r;
    }
    r = pthread_create(&d->thread, NULL, keep_door, d);
    if (r) {
        zmq_close(d->door);
        free(d);
        return -r;
    }
    *ret = d;
    return 0;
}

void bus_curve_doorman_free(struct bus_curve_doorman **d)
{
    if (!*d)
        return;
    pthread_join((*d)->thread, NULL);
    free(*d);
    *d = NULL;
}

/* Names are not looked up: what does not say loopback is not. */
static bool is_loopback(struct str address)
{
    return str_has_prefix(address, "127.0.0.1:") || str_has_prefix(address, "[::1]:") ||
           str_has_prefix(address, "localhost:");
}

int bus_curve_check(const char *endpoint, const struct bus_curve *keys)
{
    struct str e = str_from(endpoint);

    if (str_has_prefix(e, "ipc://") || str_has_prefix(e, "inproc://"))
        return 0;
    if (!str_has_prefix(e, "tcp://"))
        return -EPROTONOSUPPORT;
    return keys || is_loopback(str_from(endpoint + strlen("tcp://"))) ? 0 : -EPERM;
}

static int set_text(void *socket, int option, const char *text)
{
    if (!text || zmq_setsockopt(socket, option, text, strlen(text)))
        return -EINVAL;
    return 0;
}

int bus_curve_apply(void *zmq_socket, const struct bus_curve *keys, bool is_server)
{
    const int yes = 1;
    int r;

    if (is_server) {
        if (zmq_setsockopt(zmq_socket, ZMQ_CURVE_SERVER, &yes, sizeof(yes)))
            return -errno;
        r = set_text(zmq_socket, ZMQ_ZAP_DOMAIN, keys->public_key);
    } else {
        r = set_text(zmq_socket, ZMQ_CURVE_SERVERKEY,
                     keys->server_key ? keys->server_key : keys->public_key);
        if (!r)
            r = set_text(zmq_socket, ZMQ_CURVE_PUBLICKEY, keys->public_key);
    }
    return r ? r : set_text(zmq_socket, ZMQ_CURVE_SECRETKEY, keys->secret_key);
}
