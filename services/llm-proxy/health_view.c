#include "health_view.h"

#include "base/arena.h"
#include "base/buf.h"
#include "proto/health.h"
#include "proto/message.h"
#include "upstream.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_SNAPSHOT (1u << 20)
#define MAX_INDEX    (4u << 20)

struct health_view {
    struct loop *loop;
    const struct map *upstreams;
    struct bus_socket *socket;
    struct health_snapshot snapshot; /* decoded here: too big for the stack */
    struct arena arena;
    struct buf json;
    usec_t heard_at;
};

static struct upstream_load load_of(const struct health_engine *e)
{
    struct upstream_load load = {
        .at_ms = e->at_ms,
        .requests = isnan(e->waiting) ? e->running : e->running + e->waiting,
        .kv_cache_usage = e->kv_cache_usage,
    };

    return load;
}

static void pass_on(struct health_view *v)
{
    for (size_t i = 0; i < v->snapshot.n_providers; i++) {
        const struct health_provider *p = &v->snapshot.provider[i];
        struct upstream *u = map_find(v->upstreams, p->name);
        if (!u)
            continue;
        upstream_set_health(u, p->state, v->heard_at);
        struct upstream_load load = load_of(&p->engine);
        upstream_set_load(u, &load, v->heard_at);
    }
}

static void on_message(void *arg, struct bus_socket *s, const struct bus_message *m)
{
    struct health_view *v = arg;
    struct message_header header;

    arena_clear(&v->arena);
    if (m->n != 2 || message_decode(m->frame[0], &header) != MESSAGE_OK ||
        (header.type != MESSAGE_HEALTH_SNAPSHOT && header.type != MESSAGE_HEALTH_CHANGE) ||
        !health_decode(&v->arena, m->frame[1], &v->snapshot)) {
        bus_socket_count_invalid(s);
        return;
    }
    v->heard_at = loop_now(v->loop);
    pass_on(v);
    if (header.type != MESSAGE_HEALTH_SNAPSHOT)
        return;
    buf_clear(&v->json);
    if (buf_add_str(&v->json, m->frame[1]) != BUF_OK)
        buf_clear(&v->json);
}

int health_view_new(struct bus *b, struct loop *l, const struct settings *s,
                    const struct map *upstreams, struct health_view **ret)
{
    struct health_view *v = calloc(1, sizeof(*v));
    char endpoint[512];

    if (!v)
        abort();
    v->loop = l;
    v->upstreams = upstreams;
    arena_init(&v->arena, MAX_INDEX);
    buf_init(&v->json, MAX_SNAPSHOT);
    snprintf(endpoint, sizeof(endpoint), "ipc://%s/health.sock", s->paths.runtime);
    struct bus_socket_config config = {
        .pattern = BUS_SUB,
        .endpoint = endpoint,
        .on_message = on_message,
        .arg = v,
    };
    int r = bus_socket_new(b, l, &config, &v->socket);
    if (r < 0) {
        health_view_free(&v);
        return r;
    }
    *ret = v;
    return 0;
}

void health_view_free(struct health_view **v)
{
    if (!*v)
        return;
    bus_socket_free(&(*v)->socket);
    arena_done(&(*v)->arena);
    buf_done(&(*v)->json);
    free(*v);
    *v = NULL;
}

usec_t health_view_heard_at(const struct health_view *v)
{
    return v->heard_at;
}

struct str health_view_json(const struct health_view *v)
{
    return buf_str(&v->json);
}

struct bus_stats health_view_stats(const struct health_view *v)
{
    return bus_socket_stats(v->socket);
}
