#include "lookup.h"

#include "exchange.h"
#include "telemetry.h"
#include "worker.h"

#define MAX_REQUEST   (1u << 20)        /* larger ones are not looked up */
#define MAX_TEXT      (8 * MAX_REQUEST) /* of what a key is made of */
#define MAX_SCRATCH   (16 * MAX_TEXT)
#define LAYER_TIMEOUT (50 * USEC_PER_MSEC) /* for a layer that answers later */
#define WAIT_TIMEOUT  (60 * USEC_PER_SEC)  /* for somebody else's answer */

void lookup_init(struct lookup *l)
{
    *l = (struct lookup){.source = LOOKUP_BYPASS};
    buf_init(&l->recording, CACHE_ANSWER_MAX_BODY);
}

void lookup_done(struct lookup *l)
{
    cache_answer_unref(&l->answer);
    buf_done(&l->recording);
}

static struct loop *loop_of(const struct exchange *x)
{
    return x->worker->loop;
}

/* ---- the question ---- */

static struct cache_policy policy_of(const struct exchange *x)
{
    struct cache_policy_request r = {
        .body = x->chat.root,
        .cache_control = http_request_header(x->client, "cache-control"),
        .no_cache = http_request_header(x->client, "x-llm-no-cache"),
        .ttl = http_request_header(x->client, "x-llm-cache-ttl"),
        .model = &x->plan.asked->cache,
    };

    if (!cache_is_on(x->worker->cache) || x->chat.body.len > MAX_REQUEST || x->inbound->is_opaque)
        return (struct cache_policy){.may_look = false};
    return cache_policy_decide(&r);
}

static void set_scope(const struct exchange *x, struct cache_key_parts *p)
{
    bool is_shared = x->snapshot->settings->cache.scope == CACHE_SCOPE_TEAM;

    if (!x->key) {
        p->scope_kind = STR("none"); /* auth is off: whoever is on this machine */
        p->scope = STR_EMPTY;
    } else if (is_shared && x->key->team) {
        p->scope_kind = STR("team");
        p->scope = str_from(x->key->team->name);
    } else {
        p->scope_kind = STR("key");
        p->scope = str_from(x->key->id);
    }
}

static size_t count(const char *const *names)
{
    size_t n = 0;

    while (names && names[n])
        n++;
    return n;
}

/* Copies: the key may be made after the client has left. */
static bool add_headers(struct exchange *x, const char *const *names, struct str *ret)
{
    for (; names && *names; names++, ret++) {
        struct str value = http_request_header(x->client, *names);
        *ret = (struct str){value.data ? arena_copy(&x->arena, value) : "", value.len};
        if (!ret->data)
            return false;
    }
    return true;
}

static size_t add_models(const struct exchange *x, struct str *ret)
{
    size_t n = 0;

    for (size_t m = 0; m < x->plan.n_models; m++) {
        const struct settings_model *model = x->plan.models[m];
        ret[n++] = str_from(model->name);
        for (size_t t = 0; t < model->n_targets; t++) {
            ret[n++] = str_from(model->targets[t].provider);
            ret[n++] = str_from(model->targets[t].model);
        }
    }
    return n;
}

/* The headers that shape the conversation or reach the provider; and who may answer by the
 * configuration in force, so that a change of it asks anew. */
static bool list_deciders(struct exchange *x, struct cache_key_parts *p)
{
    static const char *const ours[] = {"x-llm-context", "x-llm-session", NULL};
    size_t n_ours = count(ours), n_headers = n_ours + count(x->inbound->passes_on), n = n_headers;

    for (size_t m = 0; m < x->plan.n_models; m++)
        n += 1 + 2 * x->plan.models[m]->n_targets;
    struct str *also = arena_alloc(&x->arena, n * sizeof(*also));
    if (!also || !add_headers(x, ours, also) ||
        !add_headers(x, x->inbound->passes_on, also + n_ours))
        return false;
    p->also = also;
    p->n_also = n_headers + add_models(x, also + n_headers);
    return true;
}

static bool describe_question(struct exchange *x)
{
    struct cache_key_parts *p = &x->lookup.parts;

    *p = (struct cache_key_parts){
        .endpoint = str_from(x->inbound->route),
        .is_stream = x->chat.is_stream,
        .body = x->chat.root,
    };
    set_scope(x, p);
    return list_deciders(x, p);
}

static void make_key(struct lookup *l, struct arena *scratch, struct buf *text)
{
    l->has_key = cache_key_make(&l->parts, scratch, text, &l->key) == CACHE_KEY_OK;
    arena_clear(scratch);
}

static void make_key_elsewhere(void *arg)
{
    struct exchange *x = arg;
    struct arena scratch;
    CLEANUP(buf_done) struct buf text;

    arena_init(&scratch, MAX_SCRATCH);
    buf_init(&text, MAX_TEXT);
    make_key(&x->lookup, &scratch, &text);
    arena_done(&scratch);
}

/* ---- the search ---- */

static void miss(struct exchange *x)
{
    telemetry_cache_miss(x);
    exchange_dispatch(x);
}

static void hit(struct exchange *x, enum lookup_source source, struct cache_answer *answer)
{
    struct lookup *l = &x->lookup;

    l->source = source;
    l->answer = answer;
    if (l->seat)
        cache_flight_finish(&l->seat, answer);
    exchange_give(x);
}

static void on_layer_timeout(void *arg)
{
    struct exchange *x = arg;

    cache_cancel(&x->lookup.question);
    miss(x);
}

static void on_layer_answer(void *arg, enum cache_layer layer, struct cache_answer *answer)
{
    struct exchange *x = arg;

    (void)layer; /* the only one that answers later */
    x->lookup.question = NULL;
    loop_timer_stop(&x->timer);
    if (answer)
        hit(x, LOOKUP_L2, answer);
    else
        miss(x);
}

static void wait_for(struct exchange *x, usec_t timeout, loop_fn on_timeout)
{
    if (x->state != EXCHANGE_LOOKING)
        exchange_set_state(x, EXCHANGE_LOOKING);
    loop_timer_init(&x->timer, loop_of(x), on_timeout, x);
    loop_timer_start(&x->timer, timeout);
}

static void ask_layers_below(struct exchange *x)
{
    struct lookup *l = &x->lookup;

    l->question = cache_ask(x->worker->cache, &l->key, loop_of(x), on_layer_answer, x);
    if (l->question)
        wait_for(x, LAYER_TIMEOUT, on_layer_timeout);
    else
        miss(x);
}

static void on_wait_timeout(void *arg)
{
    struct exchange *x = arg;

    cache_flight_leave(&x->lookup.seat);
    miss(x);
}

static void on_news(void *arg, enum cache_flight_news news, struct cache_answer *answer)
{
    struct exchange *x = arg;

    loop_timer_stop(&x->timer);
    if (news != CACHE_FLIGHT_LEAD)
        x->lookup.seat = NULL;
    switch (news) {
    case CACHE_FLIGHT_ANSWERED:
        hit(x, LOOKUP_L1, answer);
        return;
    case CACHE_FLIGHT_LEAD:
        ask_layers_below(x);
        return;
    case CACHE_FLIGHT_ALONE:
        miss(x);
        return;
    }
}

static struct cache_answer *look_into_memory(struct exchange *x)
{
    return cache_find(x->worker->cache, &x->lookup.key, loop_wall(loop_of(x)));
}

/* Somebody may be asking the same: the answer is waited for. One who would not keep it, does not
 * lead. */
static void join(struct exchange *x)
{
    struct lookup *l = &x->lookup;

    if (l->policy.may_keep)
        l->seat =
            cache_flight_join(cache_flights(x->worker->cache), &l->key, loop_of(x), on_news, x);
    if (l->seat && !cache_flight_is_leading(l->seat)) {
        wait_for(x, WAIT_TIMEOUT, on_wait_timeout);
        if (x->chat.is_stream)
            relay_start_keepalive(&x->relay);
        return;
    }
    /* whoever led before may have been done between our look and our joining */
    struct cache_answer *answer = l->seat ? look_into_memory(x) : NULL;
    if (answer)
        hit(x, LOOKUP_L1, answer);
    else
        ask_layers_below(x);
}

static void look(struct exchange *x)
{
    struct lookup *l = &x->lookup;

    if (!l->has_key)
        l->policy.may_look = l->policy.may_keep = false;
    if (!l->policy.may_look) {
        exchange_dispatch(x);
        return;
    }
    l->source = LOOKUP_MISS;
    struct cache_answer *answer = look_into_memory(x);
    if (answer)
        hit(x, LOOKUP_L1, answer);
    else
        join(x);
}

void lookup_start(struct exchange *x)
{
    struct lookup *l = &x->lookup;

    l->policy = policy_of(x);
    bool is_asked = (l->policy.may_look || l->policy.may_keep) && describe_question(x);
    if (is_asked && x->chat.body.len >= ERRAND_FROM) {
        exchange_errand_start(x, &(struct exchange_errand_steps){make_key_elsewhere, look, true});
        return;
    }
    if (is_asked)
        make_key(l, &x->worker->scratch, &x->worker->line);
    look(x);
}

void lookup_stop(struct exchange *x)
{
    cache_cancel(&x->lookup.question);
    cache_flight_leave(&x->lookup.seat);
}

/* ---- the answer ---- */

void lookup_record(struct exchange *x, struct str bytes)
{
    struct lookup *l = &x->lookup;

    if (!l->policy.may_keep || l->is_lost)
        return;
    if (buf_add_str(&l->recording, bytes) != BUF_OK) {
        l->is_lost = true;
        buf_done(&l->recording);
    }
}

static bool may_be_kept(const struct exchange *x, struct str body)
{
    const struct lookup *l = &x->lookup;

    return l->policy.may_keep && !l->is_lost && body.len <= CACHE_ANSWER_MAX_BODY &&
           relay_is_finished(&x->relay) && !x->relay.is_invalid &&
           (!x->relay.has_tool_call || l->policy.may_keep_tool_calls);
}

static struct cache_answer *make_answer(struct exchange *x, struct str body, usec_t now)
{
    struct cache_answer facts = {
        .is_stream = x->chat.is_stream,
        .at_model = (uint32_t)x->route.at_model,
        .asked_at = x->started_wall,
        .expires_at = cache_end_of(x->worker->cache, x->lookup.policy.ttl, now),
        .took = x->upstream_time,
        .cost_nano = x->entry.cost_nano,
    };

    return cache_answer_new(&facts, body);
}

void lookup_keep(struct exchange *x, struct str body)
{
    struct lookup *l = &x->lookup;
    usec_t now = loop_wall(loop_of(x));

    if (!may_be_kept(x, body)) {
        lookup_share_nothing(x);
        return;
    }
    struct cache_answer *a = make_answer(x, body, now);
    cache_put(x->worker->cache, &l->key, a, now);
    if (l->seat)
        cache_flight_finish(&l->seat, a);
    cache_answer_unref(&a);
}

void lookup_share_nothing(struct exchange *x)
{
    if (x->lookup.seat)
        cache_flight_finish(&x->lookup.seat, NULL);
}

const char *lookup_source_text(enum lookup_source source)
{
    switch (source) {
    case LOOKUP_BYPASS:
        return "bypass";
    case LOOKUP_MISS:
        return "miss";
    case LOOKUP_L1:
        return cache_layer_text(CACHE_L1);
    case LOOKUP_L2:
        return cache_layer_text(CACHE_L2);
    }
    return "bypass";
}
