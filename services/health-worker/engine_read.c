#include "engine_read.h"

#include "base/parse.h"

#include <math.h>
#include <string.h>

#define MAX_INDEX (16u << 20)

const char *engine_read_kind_text(enum engine_kind k)
{
    static const char *const text[] = {"", "ollama", "llama_server", "vllm", "sglang"};

    return text[k];
}

struct engine_reading engine_read_none(void)
{
    return (struct engine_reading){
        .running = NAN, .waiting = NAN, .kv_cache_usage = NAN, .loaded = NAN};
}

/* ---- lists of models ---- */

static void add_name(const struct json_value *v, struct arena *a, struct engine_reading *r)
{
    struct str name;

    if (r->n_names == ENGINE_MAX_NAMES || !json_string(v, a, &name) || name.len == 0)
        return;
    str_copy(r->name[r->n_names++], ENGINE_MAX_NAME, name);
}

static void note_context(const struct json_value *v, struct engine_reading *r)
{
    int64_t n;

    if (r->context_length == 0 && json_int(v, &n) && n > 0 && n <= (int64_t)ENGINE_MAX_NUMBER)
        r->context_length = (uint64_t)n;
}

static enum engine_kind kind_of_owner(const struct json_value *model, struct arena *a)
{
    static const struct {
        const char *owner;
        enum engine_kind kind;
    } owners[] = {{"vllm", ENGINE_VLLM},
                  {"sglang", ENGINE_SGLANG},
                  {"llamacpp", ENGINE_LLAMA_SERVER},
                  {"library", ENGINE_OLLAMA}};
    struct str owner;

    if (!json_string(json_get(model, "owned_by"), a, &owner))
        return ENGINE_UNKNOWN;
    for (size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++)
        if (str_is(owner, owners[i].owner))
            return owners[i].kind;
    return ENGINE_UNKNOWN;
}

void engine_read_list(const struct json_value *list, struct arena *a, struct engine_reading *r)
{
    struct engine_reading found = engine_read_none();

    if (!json_is(list, JSON_ARRAY))
        return;
    for (const struct json_value *m = list->child; m; m = m->next) {
        if (found.kind == ENGINE_UNKNOWN)
            found.kind = kind_of_owner(m, a);
        add_name(json_get(m, "id"), a, &found);
        note_context(json_get(m, "max_model_len"), &found);
        note_context(json_at(m, "meta.n_ctx"), &found);
    }
    if (found.kind == ENGINE_UNKNOWN)
        return;
    r->kind = found.kind;
    if (found.kind == ENGINE_OLLAMA)
        return;
    *r = found;
    r->loaded = list->n_children;
}

/* ---- JSON pages ---- */

static const struct json_value *parse(struct arena *a, struct str json)
{
    const struct json_value *root;
    size_t offset;

    arena_init(a, MAX_INDEX);
    return json_parse(a, json, &root, &offset) == JSON_OK ? root : NULL;
}

bool engine_read_ps(struct str json, struct engine_reading *r)
{
    struct arena a;
    const struct json_value *list = json_get(parse(&a, json), "models");
    bool is_page = json_is(list, JSON_ARRAY) || json_is(list, JSON_NULL);

    if (is_page) {
        r->n_names = 0;
        r->context_length = 0;
        r->loaded = list->n_children;
        for (const struct json_value *m = list->child; m; m = m->next) {
            add_name(json_get(m, "name"), &a, r);
            note_context(json_get(m, "context_length"), r);
        }
    }
    arena_done(&a);
    return is_page;
}

/* A slot said `state` (0 is idle) before it said `is_processing`. */
static bool is_busy(const struct json_value *slot)
{
    int64_t state;
    bool busy;

    if (json_bool(json_get(slot, "is_processing"), &busy))
        return busy;
    return json_int(json_get(slot, "state"), &state) && state != 0;
}

bool engine_read_slots(struct str json, struct engine_reading *r)
{
    struct arena a;
    const struct json_value *list = parse(&a, json);
    bool is_page = json_is(list, JSON_ARRAY) && list->n_children > 0;

    if (is_page) {
        r->running = 0;
        r->context_length = 0;
        for (const struct json_value *slot = list->child; slot; slot = slot->next) {
            r->running += is_busy(slot);
            note_context(json_get(slot, "n_ctx"), r);
        }
    }
    arena_done(&a);
    return is_page;
}

/* ---- Prometheus text ---- */

enum field { RUNNING, WAITING, KV_CACHE, FIELDS };

struct gathered {
    double value[FIELDS];
    bool is_old[FIELDS];
    enum engine_kind kind;
};

/* Names with a colon; some exporters make it an underscore. */
static const struct {
    const char *prefix;
    enum engine_kind kind;
} prefixes[] = {
    {"llamacpp", ENGINE_LLAMA_SERVER}, {"vllm", ENGINE_VLLM}, {"sglang", ENGINE_SGLANG}};

static const struct {
    enum engine_kind kind;
    const char *name;
    enum field field;
    bool is_old; /* of use only where the new name is missing */
} families[] = {
    {ENGINE_LLAMA_SERVER, "requests_processing", RUNNING, false},
    {ENGINE_LLAMA_SERVER, "requests_deferred", WAITING, false},
    {ENGINE_LLAMA_SERVER, "kv_cache_usage_ratio", KV_CACHE, false},
    {ENGINE_VLLM, "num_requests_running", RUNNING, false},
    {ENGINE_VLLM, "num_requests_waiting", WAITING, false},
    {ENGINE_VLLM, "kv_cache_usage_perc", KV_CACHE, false},
    {ENGINE_VLLM, "gpu_cache_usage_perc", KV_CACHE, true},
    {ENGINE_SGLANG, "num_running_reqs", RUNNING, false},
    {ENGINE_SGLANG, "num_queue_reqs", WAITING, false},
    {ENGINE_SGLANG, "token_usage", KV_CACHE, false},
};

static bool cut_prefix(struct str *name, enum engine_kind *ret)
{
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        size_t n = strlen(prefixes[i].prefix);
        if (!str_has_prefix(*name, prefixes[i].prefix) || name->len <= n + 1 ||
            (name->data[n] != ':' && name->data[n] != '_'))
            continue;
        *name = (struct str){name->data + n + 1, name->len - n - 1};
        *ret = prefixes[i].kind;
        return true;
    }
    return false;
}

/* The value of a label that a family of SGLang repeats for each part of one engine; "" when it has
 * no such label. */
static struct str label_of(struct str labels, const char *name)
{
    size_t n = strlen(name);

    for (size_t i = 0; i + n + 2 <= labels.len; i++) {
        if (memcmp(labels.data + i, name, n) != 0 || labels.data[i + n] != '=' ||
            (i > 0 && labels.data[i - 1] != ',' && labels.data[i - 1] != ' '))
            continue;
        struct str rest = {labels.data + i + n + 1, labels.len - i - n - 1}, none, value;
        if (str_cut(&rest, '"', &none) && str_cut(&rest, '"', &value))
            return value;
    }
    return STR_EMPTY;
}

/* Each rank of one engine may report the engine's load, and each priority its share of it. */
static bool is_repeated(struct str labels)
{
    static const char *const ranks[] = {"tp_rank", "pp_rank", "moe_ep_rank"};

    for (size_t i = 0; i < sizeof(ranks) / sizeof(ranks[0]); i++) {
        struct str rank = label_of(labels, ranks[i]);
        if (rank.len > 0 && !str_is(rank, "0"))
            return true;
    }
    return label_of(labels, "priority").len > 0;
}

static void gather(struct gathered *g, enum field f, bool is_old, double value)
{
    if (isnan(g->value[f]) || (g->is_old[f] && !is_old)) {
        g->value[f] = value;
        g->is_old[f] = is_old;
        return;
    }
    if (is_old && !g->is_old[f])
        return;
    if (f == KV_CACHE) /* the fullest of several engines is the one that will make callers wait */
        g->value[f] = value > g->value[f] ? value : g->value[f];
    else
        g->value[f] += value;
}

static void read_sample(struct gathered *g, struct str name, struct str labels, double value)
{
    enum engine_kind kind;

    if (!cut_prefix(&name, &kind) || (g->kind != ENGINE_UNKNOWN && g->kind != kind))
        return;
    g->kind = kind;
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
        if (families[i].kind == kind && str_is(name, families[i].name) && !is_repeated(labels))
            gather(g, families[i].field, families[i].is_old, value);
}

/* name{labels} value [timestamp]; the last brace ends the labels, whatever a value holds. */
static void read_line(struct gathered *g, struct str line)
{
    struct str labels = STR_EMPTY, name, value;
    double number;

    line = str_trim(line);
    if (line.len == 0 || line.data[0] == '#')
        return;
    const char *open = memchr(line.data, '{', line.len), *close = memrchr(line.data, '}', line.len);
    if (open && close && close > open) {
        name = (struct str){line.data, (size_t)(open - line.data)};
        labels = (struct str){open + 1, (size_t)(close - open - 1)};
        line = (struct str){close + 1, (size_t)(line.data + line.len - close - 1)};
    } else if (!str_cut(&line, ' ', &name) || !line.data) {
        return;
    }
    line = str_trim(line);
    if (!str_cut(&line, ' ', &value))
        value = line;
    if (!parse_double(value, &number) || number < 0)
        return;
    read_sample(g, name, labels, number < ENGINE_MAX_NUMBER ? number : ENGINE_MAX_NUMBER);
}

static double bounded(double value, double most)
{
    return value > most ? most : value; /* NAN stays */
}

bool engine_read_metrics(struct str text, struct engine_reading *r)
{
    struct gathered g = {.value = {NAN, NAN, NAN}, .kind = r->kind};
    struct str line;

    while (str_cut(&text, '\n', &line))
        read_line(&g, line);
    if (isnan(g.value[RUNNING]) && isnan(g.value[WAITING]) && isnan(g.value[KV_CACHE]))
        return false;
    r->kind = g.kind;
    if (!isnan(g.value[RUNNING]))
        r->running = bounded(g.value[RUNNING], ENGINE_MAX_NUMBER);
    if (!isnan(g.value[WAITING]))
        r->waiting = bounded(g.value[WAITING], ENGINE_MAX_NUMBER);
    if (!isnan(g.value[KV_CACHE]))
        r->kv_cache_usage = bounded(g.value[KV_CACHE], 1);
    return true;
}
