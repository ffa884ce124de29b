#include "nodes/nodes.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "io/log.h"
#include "nodes/node_keys.h"
#include "proto/message.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NODES   65 /* health.nodes and our own */
#define MAX_TEXT    (4u << 20)
#define MAX_DECODED (8u << 20)
#define ENDPOINT    512
#define REOPEN      (2 * USEC_PER_SEC) /* libzmq does not come back by itself to who refused it */

enum { SNAPSHOT, HOST, GPUS, WORKERS, TEXTS };

struct entry {
    struct node node; /* first */
    struct nodes *nodes;
    struct bus_socket *socket;
    char *id, *address;
    char endpoint[ENDPOINT], server_key[48];
    struct buf text[TEXTS];
    usec_t opened_at;
    unsigned long long refused_key, refused_handshake; /* when it was heard last */
    bool is_impostor;                                  /* told to the log */
};

struct nodes {
    struct bus *bus;
    struct loop *loop;
    const struct nodes_handler *handler;
    void *arg;
    struct loop_timer timer;
    struct entry *entry[MAX_NODES];
    size_t n;
    usec_t retention;
    char public_key[48];
    char *secret; /* sockets were opened with; NULL: none */
    struct bus_stats closed;
    struct arena arena;
    struct health_snapshot snapshot; /* decoded here: too big for the stack */
    struct workers_list workers;
};

/* ---- what a node says ---- */

static void keep(struct entry *e, unsigned which, struct str json, struct str *ret)
{
    struct buf *b = &e->text[which];

    buf_clear(b);
    if (buf_add_str(b, json) != BUF_OK)
        buf_clear(b);
    *ret = buf_str(b);
}

static void keep_machine(struct entry *e, struct str json)
{
    const struct json_value *o, *host, *gpus;
    size_t at;

    if (json_parse(&e->nodes->arena, json, &o, &at) != JSON_OK)
        return;
    host = json_get(o, "host");
    gpus = json_get(o, "gpus");
    keep(e, HOST, json_is(host, JSON_OBJECT) ? host->raw : STR_EMPTY, &e->node.host);
    keep(e, GPUS, json_is(gpus, JSON_ARRAY) ? gpus->raw : STR_EMPTY, &e->node.gpus);
}

static void tell_status(struct entry *e, enum node_status before)
{
    const struct nodes *n = e->nodes;

    if (e->node.state.status == before)
        return;
    e->node.since = loop_wall(n->loop);
    if (n->handler->on_status)
        n->handler->on_status(n->arg, &e->node, before);
}

/* Whoever is behind our own socket file is this machine's. */
static bool is_own_word(struct entry *e, struct str id)
{
    if (!e->address || str_is(id, e->id))
        return true;
    e->node.problem = "another node answers at its address";
    if (!e->is_impostor)
        log_warning("at %s is node %.*s, not %s: it is not heard", e->address, STR_ARG(id), e->id);
    e->is_impostor = true;
    return false;
}

static void note_word(struct entry *e)
{
    struct bus_stats s = bus_socket_stats(e->socket);

    e->node.heard_at = loop_now(e->nodes->loop);
    e->node.problem = NULL;
    e->is_impostor = false;
    e->refused_key = s.refused_key;
    e->refused_handshake = s.refused_handshake;
}

static bool take_health(struct entry *e, bool is_full, const struct bus_message *m)
{
    struct nodes *n = e->nodes;
    const struct health_snapshot *s = &n->snapshot;
    enum node_status before = e->node.state.status;

    if (!health_decode(&n->arena, m->frame[1], &n->snapshot) || !is_own_word(e, s->node))
        return false;
    const struct node_message message = {s->epoch, s->sequence, is_full};
    bool is_good = node_state_hear(&e->node.state, &message, loop_now(n->loop));
    note_word(e);
    e->node.active_requests = is_full ? s->active_requests : e->node.active_requests;
    tell_status(e, before);
    if (is_full)
        keep(e, SNAPSHOT, m->frame[1], &e->node.snapshot);
    if (is_full && m->n == 3)
        keep_machine(e, m->frame[2]);
    if (is_good && n->handler->on_health)
        n->handler->on_health(n->arg, &e->node, s, is_full);
    return true;
}

static bool take_workers(struct entry *e, const struct bus_message *m)
{
    struct nodes *n = e->nodes;

    if (!workers_decode(&n->arena, m->frame[1], &n->workers) || !is_own_word(e, n->workers.node))
        return false;
    keep(e, WORKERS, m->frame[1], &e->node.workers);
    if (n->handler->on_workers)
        n->handler->on_workers(n->arg, &e->node, &n->workers);
    return true;
}

static bool take_model(struct entry *e, const struct bus_message *m)
{
    struct nodes *n = e->nodes;
    struct model_news news;

    if (!model_news_decode(&n->arena, m->frame[1], &news) || !is_own_word(e, news.node))
        return false;
    if (n->handler->on_model)
        n->handler->on_model(n->arg, &e->node, &news);
    return true;
}

static bool take(struct entry *e, const struct bus_message *m)
{
    struct message_header header;

    if (m->n < 2 || m->n > 3 || message_decode(m->frame[0], &header) != MESSAGE_OK)
        return false;
    for (size_t i = 1; i < m->n; i++)
        if (m->frame[i].len > MAX_TEXT)
            return false;
    if (header.type == MESSAGE_HEALTH_SNAPSHOT || header.type == MESSAGE_HEALTH_CHANGE)
        return take_health(e, header.type == MESSAGE_HEALTH_SNAPSHOT, m);
    if (header.type == MESSAGE_MODEL_NEWS)
        return take_model(e, m);
    return header.type == MESSAGE_WORKERS && take_workers(e, m);
}

static void on_message(void *arg, struct bus_socket *s, const struct bus_message *m)
{
    struct entry *e = arg;

    arena_clear(&e->nodes->arena);
    if (!take(e, m))
        bus_socket_count_invalid(s);
}

/* ---- its socket ---- */

static struct bus_stats stats_of(const struct entry *e)
{
    return e->socket ? bus_socket_stats(e->socket) : (struct bus_stats){0};
}

/* Those of another machine's socket. */
static void add_stats(const struct entry *e, struct bus_stats *sum)
{
    struct bus_stats s = stats_of(e);

    if (!e->address)
        return;
    sum->received += s.received;
    sum->dropped_invalid += s.dropped_invalid;
    sum->refused_key += s.refused_key;
    sum->refused_handshake += s.refused_handshake;
}

static void close_socket(struct entry *e)
{
    add_stats(e, &e->nodes->closed);
    bus_socket_free(&e->socket);
    e->refused_key = e->refused_handshake = 0;
}

static int open_socket(struct entry *e)
{
    struct nodes *n = e->nodes;
    const struct bus_curve curve = {
        .public_key = n->public_key,
        .secret_key = n->secret,
        .server_key = e->server_key[0] ? e->server_key : NULL,
    };
    struct bus_socket_config config = {
        .pattern = BUS_SUB,
        .endpoint = e->endpoint,
        .curve = e->address && n->secret ? &curve : NULL,
        .on_message = on_message,
        .arg = e,
    };

    e->opened_at = loop_now(n->loop);
    return bus_socket_new(n->bus, n->loop, &config, &e->socket);
}

static void reopen_socket(struct entry *e)
{
    close_socket(e);
    int r = open_socket(e);
    if (r < 0)
        log_warning("node %s cannot be heard at %s: %s", e->id, e->endpoint, strerror(-r));
}

/* ---- what a node does not say ---- */

static void find_problem(struct entry *e)
{
    struct bus_stats s = stats_of(e);

    if (s.refused_key > e->refused_key)
        e->node.problem = "it refuses our key";
    else if (s.refused_handshake > e->refused_handshake && !e->node.problem)
        e->node.problem = "it breaks off the handshake: it may have another key";
}

static bool is_turned_away(const struct entry *e)
{
    struct bus_stats s = stats_of(e);

    return !e->socket || s.refused_key > e->refused_key ||
           s.refused_handshake > e->refused_handshake;
}

static void on_look(void *arg)
{
    struct nodes *n = arg;
    usec_t now = loop_now(n->loop);

    for (size_t i = 0; i < n->n; i++) {
        enum node_status before = n->entry[i]->node.state.status;
        find_problem(n->entry[i]);
        if (is_turned_away(n->entry[i]) && now - n->entry[i]->opened_at >= REOPEN)
            reopen_socket(n->entry[i]);
        if (node_state_look(&n->entry[i]->node.state, now))
            tell_status(n->entry[i], before);
    }
    loop_timer_start(&n->timer, NODE_STATE_LOOK);
}

/* ---- which nodes there are ---- */

static void free_entry(struct entry *e)
{
    close_socket(e);
    for (size_t i = 0; i < TEXTS; i++)
        buf_done(&e->text[i]);
    free(e->id);
    free(e->address);
    free(e);
}

static char *copy(const char *text)
{
    char *c = text ? strdup(text) : NULL;

    if (text && !c)
        abort();
    return c;
}

static struct entry *new_entry(struct nodes *n, const char *id)
{
    struct entry *e = calloc(1, sizeof(*e));

    if (!e)
        abort();
    e->nodes = n;
    e->node.id = e->id = copy(id);
    for (size_t i = 0; i < TEXTS; i++)
        buf_init(&e->text[i], MAX_TEXT);
    node_state_init(&e->node.state, loop_now(n->loop));
    e->node.since = loop_wall(n->loop);
    return e;
}

/* Of the nodes there were, the one that goes on under this id; it leaves the list. */
static struct entry *take_old(struct nodes *n, const char *id, bool is_own)
{
    for (size_t i = 0; i < n->n; i++) {
        struct entry *e = n->entry[i];
        if (!e || strcmp(e->id, id) != 0 || !e->address != is_own)
            continue;
        n->entry[i] = NULL;
        return e;
    }
    return new_entry(n, id);
}

struct wish {
    const char *id, *address, *endpoint, *key; /* address NULL: our own; key "": the same pair */
    bool has_new_keys;
};

static struct entry *settle(struct nodes *n, const struct wish *w)
{
    struct entry *e = take_old(n, w->id, !w->address);

    if (e->socket && !w->has_new_keys && strcmp(e->endpoint, w->endpoint) == 0 &&
        strcmp(e->server_key, w->key) == 0)
        return e;
    close_socket(e);
    free(e->address);
    e->node.address = e->address = copy(w->address);
    snprintf(e->endpoint, sizeof(e->endpoint), "%s", w->endpoint);
    snprintf(e->server_key, sizeof(e->server_key), "%s", w->key);
    reopen_socket(e);
    return e;
}

static bool note_keys(struct nodes *n, const struct settings *s, struct node_keys *keys)
{
    const char *public = keys->secret ? s->curve.public_key : "";
    bool is_new = strcmp(n->public_key, public) != 0 || !n->secret != !keys->secret ||
                  (n->secret && strcmp(n->secret, keys->secret) != 0);

    snprintf(n->public_key, sizeof(n->public_key), "%s", public);
    if (n->secret)
        explicit_bzero(n->secret, strlen(n->secret));
    free(n->secret);
    n->secret = copy(keys->secret);
    return is_new;
}

static size_t settle_all(struct nodes *n, const struct settings *s, bool with_own,
                         struct node_keys *keys, struct entry **to)
{
    char endpoint[ENDPOINT];
    struct wish w = {.id = s->health.node_id, .endpoint = endpoint, .key = ""};
    size_t count = 0;

    snprintf(endpoint, sizeof(endpoint), "ipc://%s/health.sock", s->paths.runtime);
    if (with_own)
        to[count++] = settle(n, &w);
    w.has_new_keys = note_keys(n, s, keys);
    for (size_t i = 0; i < s->health.n_nodes && count < MAX_NODES; i++) {
        const struct settings_node *node = &s->health.nodes[i];
        if (strcmp(node->id, s->health.node_id) == 0)
            continue;
        w.id = node->id;
        w.address = node->address;
        w.key = node->key ? node->key : "";
        snprintf(endpoint, sizeof(endpoint), "tcp://%s", node->address);
        to[count++] = settle(n, &w);
    }
    return count;
}

int nodes_configure(struct nodes *n, const struct settings *s, bool with_own, char *reterr,
                    size_t reterr_size)
{
    struct node_keys keys;
    struct entry *fresh[MAX_NODES];

    int r = node_keys_read(s, &keys, reterr, reterr_size);
    if (r < 0)
        return r;
    size_t count = settle_all(n, s, with_own, &keys, fresh);
    for (size_t i = 0; i < n->n; i++)
        if (n->entry[i])
            free_entry(n->entry[i]);
    memcpy(n->entry, fresh, count * sizeof(fresh[0]));
    n->n = count;
    n->retention = s->health.retention;
    node_keys_done(&keys);
    return 0;
}

struct nodes *nodes_new(struct bus *b, struct loop *l, const struct nodes_handler *handler,
                        void *arg)
{
    struct nodes *n = calloc(1, sizeof(*n));

    if (!n)
        abort();
    n->bus = b;
    n->loop = l;
    n->handler = handler;
    n->arg = arg;
    arena_init(&n->arena, MAX_DECODED);
    loop_timer_init(&n->timer, l, on_look, n);
    loop_timer_start(&n->timer, NODE_STATE_LOOK);
    return n;
}

void nodes_free(struct nodes **n)
{
    struct nodes *old = *n;

    if (!old)
        return;
    loop_timer_stop(&old->timer);
    for (size_t i = 0; i < old->n; i++)
        free_entry(old->entry[i]);
    if (old->secret)
        explicit_bzero(old->secret, strlen(old->secret));
    free(old->secret);
    arena_done(&old->arena);
    free(old);
    *n = NULL;
}

/* ---- for the others ---- */

size_t nodes_count(const struct nodes *n)
{
    return n->n;
}

const struct node *nodes_at(const struct nodes *n, size_t i)
{
    assert(i < n->n);
    return &n->entry[i]->node;
}

bool nodes_is_gone(const struct nodes *n, const struct node *node)
{
    if (!node->address && !node->state.was_heard)
        return true;
    return node->state.status == NODE_STATUS_OFFLINE && node->state.silence >= n->retention;
}

struct bus_stats nodes_stats_own(const struct nodes *n)
{
    for (size_t i = 0; i < n->n; i++)
        if (!n->entry[i]->address)
            return stats_of(n->entry[i]);
    return (struct bus_stats){0};
}

struct bus_stats nodes_stats_others(const struct nodes *n)
{
    struct bus_stats sum = n->closed;

    for (size_t i = 0; i < n->n; i++)
        add_stats(n->entry[i], &sum);
    return sum;
}
