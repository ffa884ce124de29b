#include "health_view.h"

#include "io/log.h"
#include "io/log_events.h"
#include "upstream.h"
#include "worker_link.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define REMIND (5 * USEC_PER_SEC) /* an offline node's verdict must not grow too old to count */

struct health_view {
    struct loop *loop;
    const struct map *upstreams;
    struct worker_link *local_workers;
    const struct settings *settings;
    struct nodes *nodes;
    struct loop_timer reminder;
    struct map away; /* providers whose workers on other nodes do not serve, to this view */
};

/* ---- whose word counts for which provider ---- */

static bool speaks_for(const struct node *n, const struct settings_provider *p)
{
    return p->node ? strcmp(p->node, n->id) == 0 : !n->address;
}

static void set_health(struct health_view *v, const char *provider, enum health_state state)
{
    struct upstream *u = map_find(v->upstreams, str_from(provider));

    if (u)
        upstream_set_health(u, state, loop_now(v->loop));
}

static void set_load(struct health_view *v, const char *provider, const struct health_engine *e)
{
    struct upstream *u = map_find(v->upstreams, str_from(provider));
    struct upstream_load load = {
        .at_ms = e->at_ms,
        .requests = isnan(e->waiting) ? e->running : e->running + e->waiting,
        .kv_cache_usage = e->kv_cache_usage,
    };

    if (u)
        upstream_set_load(u, &load, loop_now(v->loop));
}

static const struct health_provider *find(const struct health_snapshot *s, const char *name)
{
    for (size_t i = 0; i < s->n_providers; i++)
        if (str_is(s->provider[i].name, name))
            return &s->provider[i];
    return NULL;
}

/* Of what a node does not mention in a full snapshot nothing is known. */
static void on_health(void *arg, const struct node *n, const struct health_snapshot *s,
                      bool is_full)
{
    struct health_view *v = arg;

    for (size_t i = 0; i < v->settings->n_providers; i++) {
        const struct settings_provider *p = &v->settings->providers[i];
        if (!speaks_for(n, p))
            continue;
        const struct health_provider *said = find(s, p->name);
        if (said || is_full)
            set_health(v, p->name,
                       map_find(&v->away, str_from(p->name)) ? HEALTH_DOWN
                       : said                                ? said->state
                                                             : HEALTH_UNKNOWN);
        if (said)
            set_load(v, p->name, &said->engine);
    }
}

static bool serves(const struct workers_list *l, const char *provider)
{
    for (size_t i = 0; i < l->n; i++)
        if (str_is(l->one[i].provider, provider))
            return l->one[i].use == WORKERS_READY;
    return true; /* none of its workers */
}

/* Our own machine's are worker_link's business; those elsewhere nobody here can start. */
static void on_workers(void *arg, const struct node *n, const struct workers_list *l)
{
    struct health_view *v = arg;

    if (!n->address) {
        worker_link_hear(v->local_workers, n->workers);
        return;
    }
    for (size_t i = 0; i < v->settings->n_providers; i++) {
        const struct settings_provider *p = &v->settings->providers[i];
        if (!speaks_for(n, p))
            continue;
        (void)map_take(&v->away, str_from(p->name));
        if (serves(l, p->name))
            continue;
        (void)map_add(&v->away, str_from(p->name), v);
        set_health(v, p->name, HEALTH_DOWN);
    }
}

/* Each machine's proxy audits what is fetched to it. */
static void on_model(void *arg, const struct node *n, const struct model_news *news)
{
    struct health_view *v = arg;

    if (!n->address)
        worker_link_hear_model(v->local_workers, news);
}

/* ---- nodes that fall silent ---- */

static bool takes_providers_along(const struct node *n)
{
    return n->address && n->state.status == NODE_STATUS_OFFLINE;
}

static void take_down(struct health_view *v, const struct node *n)
{
    for (size_t i = 0; i < v->settings->n_providers; i++)
        if (speaks_for(n, &v->settings->providers[i]))
            set_health(v, v->settings->providers[i].name, HEALTH_DOWN);
}

static void on_status(void *arg, const struct node *n, enum node_status before)
{
    struct health_view *v = arg;
    bool is_offline = n->state.status == NODE_STATUS_OFFLINE;
    const struct log_field fields[] = {
        {"LLM_NODE", n->id},
        {"MESSAGE_ID", is_offline ? LOG_EVENT_NODE_OFFLINE : LOG_EVENT_NODE_BACK},
        {NULL, NULL},
    };

    if (takes_providers_along(n))
        take_down(v, n);
    if (!n->address || (before != NODE_STATUS_OFFLINE && !is_offline))
        log_info("node %s is %s (was %s)", n->id, node_state_text(n->state.status),
                 node_state_text(before));
    else if (is_offline)
        log_write(LOG_LEVEL_ERROR, fields, "node %s is offline: its providers get no requests%s%s",
                  n->id, n->problem ? "; " : "", n->problem ? n->problem : "");
    else
        log_write(LOG_LEVEL_INFO, fields, "node %s is back", n->id);
}

static void on_reminder(void *arg)
{
    struct health_view *v = arg;

    for (size_t i = 0; i < nodes_count(v->nodes); i++)
        if (takes_providers_along(nodes_at(v->nodes, i)))
            take_down(v, nodes_at(v->nodes, i));
    loop_timer_start(&v->reminder, REMIND);
}

/* ---- all ---- */

struct health_view *health_view_new(struct bus *b, struct loop *l, const struct map *upstreams,
                                    struct worker_link *local_workers)
{
    static const struct nodes_handler handler = {on_health, on_workers, on_model, on_status};
    struct health_view *v = calloc(1, sizeof(*v));

    if (!v)
        abort();
    v->loop = l;
    v->upstreams = upstreams;
    v->local_workers = local_workers;
    loop_timer_init(&v->reminder, l, on_reminder, v);
    map_init(&v->away);
    v->nodes = nodes_new(b, l, &handler, v);
    return v;
}

void health_view_free(struct health_view **v)
{
    if (!*v)
        return;
    loop_timer_stop(&(*v)->reminder);
    nodes_free(&(*v)->nodes);
    map_done(&(*v)->away);
    free(*v);
    *v = NULL;
}

int health_view_configure(struct health_view *v, const struct settings *s, char *reterr,
                          size_t reterr_size)
{
    v->settings = s;
    map_done(&v->away); /* the next word of each node says so again */
    map_init(&v->away);
    int r = nodes_configure(v->nodes, s, true, reterr, reterr_size);
    on_reminder(v);
    return r;
}

const struct nodes *health_view_nodes(const struct health_view *v)
{
    return v->nodes;
}

const struct node *health_view_own(const struct health_view *v)
{
    for (size_t i = 0; i < nodes_count(v->nodes); i++)
        if (!nodes_at(v->nodes, i)->address)
            return nodes_at(v->nodes, i);
    return NULL;
}

usec_t health_view_heard_at(const struct health_view *v)
{
    const struct node *own = health_view_own(v);

    return own ? own->heard_at : 0;
}

struct str health_view_json(const struct health_view *v)
{
    const struct node *own = health_view_own(v);

    return own ? own->snapshot : STR_EMPTY;
}
