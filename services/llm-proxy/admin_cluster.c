#include "admin.h"
#include "base/arena.h"
#include "base/json.h"
#include "io/http_answer.h"
#include "nodes/nodes_show.h"
#include "proxy.h"

#define MAX_INDEX (64u << 20)

static void write_proxy(struct json_write *w, const struct proxy *p)
{
    json_write_begin(w, '{');
    json_write_member(w, "version", SUITE_VERSION);
    json_write_member(w, "state", p->drain_until ? "draining" : "serving");
    json_write_key(w, "uptime_seconds");
    json_write_u64(w, (clock_wall() - p->started_at) / USEC_PER_SEC);
    json_write_member_int(w, "threads", p->n_workers);
    json_write_member_int(w, "config_generation", p->generation);
    json_write_member_bool(w, "config_last_reload_successful", p->is_last_reload_good);
    json_write_member_bool(w, "ledger_available",
                           ledger_is_available(p->ledger, loop_now(p->loop)));
    json_write_end(w, '}');
}

static void write_health_worker(struct json_write *w, const struct proxy *p)
{
    usec_t heard_at = health_view_heard_at(p->health);
    struct str view = health_view_json(p->health);

    json_write_begin(w, '{');
    json_write_key(w, "age_seconds");
    if (heard_at == 0)
        json_write_null(w);
    else
        json_write_double(w, (double)(loop_now(p->loop) - heard_at) / (double)USEC_PER_SEC);
    json_write_key(w, "snapshot");
    json_write_raw(w, view.len > 0 ? view : STR("null"));
    json_write_end(w, '}');
}

static void write_service(struct json_write *w, const char *name, const char *state)
{
    json_write_begin(w, '{');
    json_write_member(w, "name", name);
    json_write_member(w, "state", state);
    json_write_end(w, '}');
}

static void write_services(struct json_write *w, const struct proxy *p)
{
    const struct node *own = health_view_own(p->health);

    json_write_begin(w, '[');
    write_service(w, "llm-proxy", p->drain_until ? "draining" : "healthy");
    write_service(w, "context-service",
                  neighbour_is_there(p->context_service) ? "healthy" : "offline");
    write_service(w, "health-worker",
                  own && own->state.was_heard ? node_state_text(own->state.status) : "offline");
    json_write_end(w, ']');
}

static void write_nodes(struct json_write *w, const struct proxy *p)
{
    const struct nodes *nodes = health_view_nodes(p->health);

    json_write_begin(w, '[');
    for (size_t i = 0; i < nodes_count(nodes); i++)
        if (!nodes_is_gone(nodes, nodes_at(nodes, i)))
            nodes_show(w, nodes_at(nodes, i), loop_now(p->loop));
    json_write_end(w, ']');
}

/* The objects of `list`, each with the node it was told by. */
static void write_with_node(struct json_write *w, const char *id, const struct json_value *list)
{
    char key[64];

    if (!json_is(list, JSON_ARRAY))
        return;
    for (const struct json_value *one = list->child; one; one = one->next) {
        if (!json_is(one, JSON_OBJECT))
            continue;
        json_write_begin(w, '{');
        json_write_member(w, "node_id", id);
        for (const struct json_value *m = one->child; m; m = m->next) {
            if (!str_copy(key, sizeof(key), m->key))
                continue;
            json_write_key(w, key);
            json_write_raw(w, m->raw);
        }
        json_write_end(w, '}');
    }
}

/* Of all nodes that are heard; `member` NULL: the text itself is the list. */
static void write_of_all(struct json_write *w, const struct proxy *p,
                         struct str (*text_of)(const struct node *n), const char *member)
{
    const struct nodes *nodes = health_view_nodes(p->health);
    struct arena arena;

    arena_init(&arena, MAX_INDEX);
    json_write_begin(w, '[');
    for (size_t i = 0; i < nodes_count(nodes); i++) {
        const struct node *n = nodes_at(nodes, i);
        const struct json_value *v;
        size_t at;
        if (n->state.status == NODE_STATUS_OFFLINE || text_of(n).len == 0 ||
            json_parse(&arena, text_of(n), &v, &at) != JSON_OK)
            continue;
        write_with_node(w, n->id, member ? json_get(v, member) : v);
        arena_clear(&arena);
    }
    json_write_end(w, ']');
    arena_done(&arena);
}

static struct str workers_of(const struct node *n)
{
    return n->workers;
}

static struct str gpus_of(const struct node *n)
{
    return n->gpus;
}

void admin_cluster_status(void *arg, struct http_request *r, struct str tail)
{
    const struct proxy *p = arg;
    struct buf out;
    struct json_write w;

    (void)tail;
    admin_answer_begin(&w, &out);
    json_write_begin(&w, '{');
    json_write_key(&w, "proxy");
    write_proxy(&w, p);
    json_write_key(&w, "services");
    write_services(&w, p);
    json_write_key(&w, "providers");
    admin_status_write_providers(&w, p);
    json_write_key(&w, "nodes");
    write_nodes(&w, p);
    json_write_key(&w, "workers");
    write_of_all(&w, p, workers_of, "workers");
    json_write_key(&w, "gpus");
    write_of_all(&w, p, gpus_of, NULL);
    json_write_key(&w, "health_worker");
    write_health_worker(&w, p);
    json_write_end(&w, '}');
    http_answer_written(r, 200, &w);
}
