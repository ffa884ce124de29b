#include "io/bus_curve.h"

#include "base/parse.h"
#include "base/str.h"
#include "io/address.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#define DESK        "inproc://zeromq.zap.01"
#define KEY_SIZE    32
#define KEY_TEXT    40
#define ZAP_FRAMES  7 /* version, request id, domain, address, identity, mechanism, key */
#define ZAP_REQUEST 1
#define ZAP_DOMAIN  2
#define ZAP_KEY     6

struct door {
    struct door *next;
    unsigned number;
    size_t n;
    uint8_t keys[][KEY_SIZE];
};

struct bus_curve_doorman {
    void *desk;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    struct door *doors;
    unsigned last;
};

struct question {
    char frame[ZAP_FRAMES][256];
    size_t len[ZAP_FRAMES];
    unsigned n;
};

/* False when the context is shut down. */
static bool receive(void *desk, struct question *q)
{
    int more = 1;
    size_t size = sizeof(more);

    for (q->n = 0; more; q->n++) {
        char spare[256];
        bool fits = q->n < ZAP_FRAMES;
        int n = zmq_recv(desk, fits ? q->frame[q->n] : spare, sizeof(spare), 0);
        if (n < 0)
            return false;
        if (fits)
            q->len[q->n] = (size_t)n < sizeof(spare) ? (size_t)n : sizeof(spare);
        if (zmq_getsockopt(desk, ZMQ_RCVMORE, &more, &size))
            return false;
    }
    return true;
}

static const struct door *find_door(const struct bus_curve_doorman *d, const struct question *q)
{
    uint64_t number;

    if (q->n != ZAP_FRAMES ||
        !parse_u64((struct str){q->frame[ZAP_DOMAIN], q->len[ZAP_DOMAIN]}, &number))
        return NULL;
    for (const struct door *door = d->doors; door; door = door->next)
        if (door->number == number)
            return door;
    return NULL;
}

static bool is_welcome(struct bus_curve_doorman *d, const struct question *q)
{
    bool yes = false;

    pthread_mutex_lock(&d->lock);
    const struct door *door = find_door(d, q);
    for (size_t i = 0; door && i < door->n && !yes; i++)
        yes =
            q->len[ZAP_KEY] == KEY_SIZE && memcmp(q->frame[ZAP_KEY], door->keys[i], KEY_SIZE) == 0;
    pthread_mutex_unlock(&d->lock);
    return yes;
}

static void answer(void *desk, const struct question *q, bool yes)
{
    size_t id_len = q->n > ZAP_REQUEST ? q->len[ZAP_REQUEST] : 0;

    /* An answer can only fail because the context is going away. */
    (void)zmq_send(desk, "1.0", 3, ZMQ_SNDMORE);
    (void)zmq_send(desk, q->frame[ZAP_REQUEST], id_len, ZMQ_SNDMORE);
    (void)zmq_send(desk, yes ? "200" : "400", 3, ZMQ_SNDMORE);
    (void)zmq_send(desk, yes ? "OK" : "unknown key", yes ? 2 : 11, ZMQ_SNDMORE);
    (void)zmq_send(desk, "", 0, ZMQ_SNDMORE);
    (void)zmq_send(desk, "", 0, 0);
}

static void *keep_desk(void *arg)
{
    struct bus_curve_doorman *d = arg;
    struct question q = {.n = 0};

    while (receive(d->desk, &q))
        answer(d->desk, &q, is_welcome(d, &q));
    zmq_close(d->desk);
    return NULL;
}

int bus_curve_doorman_new(void *zmq_context, struct bus_curve_doorman **ret)
{
    struct bus_curve_doorman *d = calloc(1, sizeof(*d));
    int r;

    if (!d)
        return -ENOMEM;
    d->desk = zmq_socket(zmq_context, ZMQ_REP);
    if (!d->desk || zmq_bind(d->desk, DESK)) {
        r = -errno;
        if (d->desk)
            zmq_close(d->desk);
        free(d);
        return r;
    }
    pthread_mutex_init(&d->lock, NULL);
    r = pthread_create(&d->thread, NULL, keep_desk, d);
    if (r) {
        pthread_mutex_destroy(&d->lock);
        zmq_close(d->desk);
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
    while ((*d)->doors)
        bus_curve_doorman_close(*d, (*d)->doors->number);
    pthread_mutex_destroy(&(*d)->lock);
    free(*d);
    *d = NULL;
}

int bus_curve_doorman_open(struct bus_curve_doorman *d, const struct bus_curve *keys,
                           unsigned *ret_door)
{
    size_t n = keys->n_allowed > 0 ? keys->n_allowed : 1;
    struct door *door = malloc(sizeof(*door) + n * KEY_SIZE);

    if (!door)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        const char *text = keys->n_allowed > 0 ? keys->allowed[i] : keys->public_key;
        if (strlen(text) != KEY_TEXT || !zmq_z85_decode(door->keys[i], text)) {
            free(door);
            return -EINVAL;
        }
    }
    pthread_mutex_lock(&d->lock);
    door->n = n;
    door->number = *ret_door = ++d->last;
    door->next = d->doors;
    d->doors = door;
    pthread_mutex_unlock(&d->lock);
    return 0;
}

void bus_curve_doorman_close(struct bus_curve_doorman *d, unsigned door)
{
    pthread_mutex_lock(&d->lock);
    struct door **at = &d->doors;
    while (*at && (*at)->number != door)
        at = &(*at)->next;
    struct door *old = *at;
    if (old)
        *at = old->next;
    pthread_mutex_unlock(&d->lock);
    free(old);
}

/* Names are not looked up: what does not say loopback is not. */
static bool is_loopback(struct str address)
{
    struct address a;

    return str_equal(address, STR("127.0.0.1:*")) || str_equal(address, STR("[::1]:*")) ||
           (address_parse(address, &a) && a.bytes.ss_family != AF_UNIX && address_is_loopback(&a));
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

int bus_curve_apply(void *zmq_socket, const struct bus_curve *keys, unsigned door)
{
    const int yes = 1;
    char domain[16];
    int r;

    if (door > 0) {
        if (zmq_setsockopt(zmq_socket, ZMQ_CURVE_SERVER, &yes, sizeof(yes)))
            return -errno;
        snprintf(domain, sizeof(domain), "%u", door);
        r = set_text(zmq_socket, ZMQ_ZAP_DOMAIN, domain);
    } else {
        r = set_text(zmq_socket, ZMQ_CURVE_SERVERKEY,
                     keys->server_key ? keys->server_key : keys->public_key);
        if (!r)
            r = set_text(zmq_socket, ZMQ_CURVE_PUBLICKEY, keys->public_key);
    }
    return r ? r : set_text(zmq_socket, ZMQ_CURVE_SECRETKEY, keys->secret_key);
}
