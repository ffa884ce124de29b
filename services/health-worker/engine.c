#include "engine.h"

#include "inquiry.h"

#include <math.h>
#include <stdlib.h>

#define MAX_PAGES 2
#define PATIENCE  (2 * USEC_PER_SEC)

struct engine {
    struct loop *loop;
    struct fetch_pool *fetches;
    const struct settings_provider *provider;
    const char *credential;
    engine_fn fn;
    void *arg;
    struct engine_reading list;    /* what its list of models says */
    struct engine_reading reading; /* of the last round */
    struct engine_reading fresh;   /* of the round under way */
    usec_t read_wall, fresh_wall;
    unsigned page;
    bool is_going;
    bool is_mute; /* local, of no known kind, and its metrics told nothing */
    struct inquiry *inquiry;
    struct loop_timer timer;
};

typedef bool (*read_fn)(struct str text, struct engine_reading *r);

static const struct {
    const char *path;
    read_fn read;
} pages[][MAX_PAGES] = {
    [ENGINE_UNKNOWN] = {{"/metrics", engine_read_metrics}},
    [ENGINE_OLLAMA] = {{"/api/ps", engine_read_ps}},
    [ENGINE_LLAMA_SERVER] = {{"/slots", engine_read_slots}, {"/metrics", engine_read_metrics}},
    [ENGINE_VLLM] = {{"/metrics", engine_read_metrics}},
    [ENGINE_SGLANG] = {{"/metrics", engine_read_metrics}},
};

static enum engine_kind configured_kind(const struct settings_provider *p)
{
    if (p->dialect == DIALECT_OLLAMA)
        return ENGINE_OLLAMA;
    switch (relatives_find(p)) {
    case VARIANT_VLLM:
        return ENGINE_VLLM;
    case VARIANT_SGLANG:
        return ENGINE_SGLANG;
    case VARIANT_LLAMA_SERVER:
        return ENGINE_LLAMA_SERVER;
    case VARIANT_AUTO:
    case VARIANT_OPENAI:
    case VARIANT_AZURE:
    case VARIANT_GROQ:
    case VARIANT_MISTRAL:
    case VARIANT_DEEPSEEK:
    case VARIANT_OPENROUTER:
    case VARIANT_XAI:
    case VARIANT_TOGETHER:
    case VARIANTS:
        return ENGINE_UNKNOWN;
    }
    return ENGINE_UNKNOWN;
}

/* Strangers in the cloud are not asked for their metrics. */
static bool is_askable(const struct engine *e)
{
    if (e->list.kind != ENGINE_UNKNOWN)
        return true;
    return e->provider->backend == BACKEND_LOCAL && e->provider->dialect == DIALECT_OPENAI &&
           relatives_find(e->provider) == VARIANT_AUTO && !e->is_mute;
}

static void ask_page(struct engine *e);

static void end_round(struct engine *e)
{
    if (e->fresh.kind == ENGINE_UNKNOWN)
        e->is_mute = true;
    e->reading = e->fresh;
    e->read_wall = e->fresh_wall;
    usec_t round = e->provider->probe.interval;
    if (!e->is_mute)
        loop_timer_start(&e->timer, round < ENGINE_ROUND ? round : ENGINE_ROUND);
    e->fn(e->arg);
}

static void on_page(void *arg, const struct inquiry_answer *answer)
{
    struct engine *e = arg;
    enum engine_kind asked = e->fresh.kind;

    e->inquiry = NULL;
    if (answer->result == FETCH_OK && answer->status == 200 &&
        pages[asked][e->page].read(answer->body, &e->fresh))
        e->fresh_wall = loop_wall(e->loop);
    e->page++;
    if (asked == e->fresh.kind && e->page < MAX_PAGES && pages[asked][e->page].path) {
        ask_page(e);
        return;
    }
    if (asked == ENGINE_UNKNOWN) /* found out by its metrics: its other pages come next time */
        e->list.kind = e->fresh.kind;
    end_round(e);
}

static void ask_page(struct engine *e)
{
    struct inquiry_question q = {
        .provider = e->provider,
        .credential = e->credential,
        .path = pages[e->fresh.kind][e->page].path,
        .is_from_root = true,
        .timeout = e->provider->probe.timeout < PATIENCE ? e->provider->probe.timeout : PATIENCE,
    };

    e->inquiry = inquiry_start(e->fetches, e->loop, &q, on_page, e);
}

static void on_round(void *arg)
{
    struct engine *e = arg;

    e->fresh = e->list;
    e->fresh_wall = loop_wall(e->loop);
    e->page = 0;
    ask_page(e);
}

void engine_go_on(struct engine *e, const struct engine_reading *list)
{
    enum engine_kind known = configured_kind(e->provider), before = e->list.kind;

    e->list = *list;
    if (known != ENGINE_UNKNOWN)
        e->list.kind = known;
    else if (e->list.kind == ENGINE_UNKNOWN)
        e->list.kind = before;
    if (e->is_going || !is_askable(e))
        return;
    e->is_going = true;
    on_round(e);
}

void engine_stop(struct engine *e)
{
    inquiry_cancel(&e->inquiry);
    loop_timer_stop(&e->timer);
    e->is_going = e->is_mute = false;
    e->list = e->reading = engine_read_none();
    e->read_wall = 0;
}

struct engine *engine_new(struct fetch_pool *fetches, struct loop *l,
                          const struct settings_provider *p, const char *credential)
{
    struct engine *e = calloc(1, sizeof(*e));

    if (!e)
        abort();
    e->loop = l;
    e->fetches = fetches;
    e->provider = p;
    e->credential = credential;
    e->list = e->reading = engine_read_none();
    loop_timer_init(&e->timer, l, on_round, e);
    return e;
}

void engine_set_fn(struct engine *e, engine_fn fn, void *arg)
{
    e->fn = fn;
    e->arg = arg;
}

void engine_free(struct engine **e)
{
    if (!*e)
        return;
    engine_stop(*e);
    free(*e);
    *e = NULL;
}

struct health_engine engine_describe(const struct engine *e)
{
    const struct engine_reading *r = &e->reading;
    struct health_engine h = health_engine_none();

    h.kind = str_from(engine_read_kind_text(r->kind));
    h.at_ms = e->read_wall / 1000;
    h.running = r->running;
    h.waiting = r->waiting;
    h.kv_cache_usage = r->kv_cache_usage;
    h.loaded = r->loaded;
    h.context_length = r->context_length;
    for (size_t i = 0; i < r->n_names; i++)
        h.model[h.n_models++] = str_from(r->name[i]);
    return h;
}
