#include "settings/settings.h"

#include "settings/settings_check.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A file of 1 MiB full of the shortest providers stays below it. */
#define MAX_BYTES ((size_t)32 << 20)

struct loaded {
    struct settings settings; /* first: settings_free() finds the rest by it */
    struct arena arena;
    struct yaml_tree *tree; /* owns the texts */
};

static struct loaded *loaded_of(struct settings *s)
{
    return (struct loaded *)s;
}

static void cut_slash(struct settings_provider *p, struct arena *a)
{
    struct str url = str_from(p->base_url);

    while (url.len > 0 && url.data[url.len - 1] == '/')
        url.len--;
    p->base_url = arena_copy(a, url);
}

/* Defaults that depend on other keys or on the machine. */
static bool derive(struct settings *s, struct arena *a)
{
    char host[65] = "localhost";

    for (size_t i = 0; i < s->n_workers; i++) {
        struct settings_worker *w = &s->workers[i];
        w->provider = w->provider ? w->provider : w->name;
        w->model = w->model ? w->model : w->name;
    }
    for (size_t i = 0; i < s->n_providers; i++) {
        cut_slash(&s->providers[i], a);
        if (!s->providers[i].base_url)
            return false;
    }
    if (!s->paths.models)
        s->paths.models = arena_printf(a, "%s/models", s->paths.state);
    if (!s->prices.file)
        s->prices.file = arena_printf(a, "%s/prices.yaml", s->paths.data);
    if (!s->health.node_id && gethostname(host, sizeof(host) - 1) == 0)
        s->health.node_id = arena_copy(a, str_from(host[0] ? host : "localhost"));
    return s->paths.models && s->prices.file && s->health.node_id;
}

/* Takes the tree, whatever comes of it. */
static int load_tree(struct yaml_tree *tree, struct settings **ret, char *reterr,
                     size_t reterr_size)
{
    struct loaded *l = calloc(1, sizeof(*l));
    if (!l)
        abort();
    CLEANUP(settings_free) struct settings *s = &l->settings;
    arena_init(&l->arena, MAX_BYTES);
    l->tree = tree;

    CLEANUP(settings_read_done)
    struct settings_reader r = {
        .arena = &l->arena, .tree = tree, .reterr = reterr, .reterr_size = reterr_size};
    int e = settings_read(&r, settings_table, s);
    if (e != 0)
        return e;
    if (!derive(s, &l->arena))
        return yaml_tree_refuse((struct yaml_place){yaml_tree_name(tree), 1, 1}, reterr,
                                reterr_size, "the configuration is too large");
    e = settings_check(s, &r);
    if (e == 0)
        *ret = TAKE(s);
    return e;
}

int settings_load(const char *path, struct settings **ret, char *reterr, size_t reterr_size)
{
    struct yaml_tree *tree = NULL;
    int e = yaml_tree_load(path, &tree, reterr, reterr_size);

    return e != 0 ? e : load_tree(tree, ret, reterr, reterr_size);
}

int settings_parse(const char *name, struct str text, struct settings **ret, char *reterr,
                   size_t reterr_size)
{
    struct yaml_tree *tree = NULL;
    int e = yaml_tree_parse(name, text, &tree, reterr, reterr_size);

    return e != 0 ? e : load_tree(tree, ret, reterr, reterr_size);
}

void settings_free(struct settings **s)
{
    if (!*s)
        return;
    struct loaded *l = loaded_of(*s);
    arena_done(&l->arena);
    yaml_tree_free(&l->tree);
    free(l);
    *s = NULL;
}

/* Texts are the tree's own. */
static const struct yaml_node *find_node(const struct yaml_node *n, const char *text)
{
    for (; n; n = n->next) {
        if (n->type == YAML_SCALAR && n->scalar == text)
            return n;
        const struct yaml_node *below = find_node(n->child, text);
        if (below)
            return below;
    }
    return NULL;
}

bool settings_find_place(const struct settings *s, const char *text, struct yaml_place *ret)
{
    const struct loaded *l = (const struct loaded *)s;
    const struct yaml_node *n = find_node(yaml_tree_root(l->tree), text);

    *ret = (struct yaml_place){yaml_tree_name(l->tree), n ? n->line : 1, n ? n->column : 1};
    return n != NULL;
}

const struct settings_provider *settings_find_provider(const struct settings *s, const char *name)
{
    for (size_t i = 0; i < s->n_providers; i++)
        if (strcmp(s->providers[i].name, name) == 0)
            return &s->providers[i];
    return NULL;
}

static bool has_name(const struct settings_model *m, const char *name)
{
    for (size_t i = 0; i < m->n_aliases; i++)
        if (strcmp(m->aliases[i], name) == 0)
            return true;
    return strcmp(m->name, name) == 0;
}

const struct settings_model *settings_find_model(const struct settings *s, const char *name)
{
    for (size_t i = 0; i < s->n_models; i++)
        if (has_name(&s->models[i], name))
            return &s->models[i];
    return NULL;
}

struct settings_context_rules settings_context_rules(const struct settings *s,
                                                     const struct settings_model *m)
{
    struct settings_context_rules r = {
        .mode = s->context.mode,
        .high_water = s->context.high_water,
        .low_water = s->context.low_water,
        .keep_last = s->context.keep_last,
        .retrieval_tool = s->context.retrieval_tool,
    };

    if (!m)
        return r;
    if (m->context.mode != CATALOGUE_INHERIT)
        r.mode = (enum settings_context_mode)m->context.mode;
    if (m->context.high_water > 0)
        r.high_water = m->context.high_water;
    if (m->context.low_water > 0)
        r.low_water = m->context.low_water;
    if (m->context.keep_last != CATALOGUE_INHERIT)
        r.keep_last = m->context.keep_last;
    if (m->context.retrieval_tool != CATALOGUE_INHERIT)
        r.retrieval_tool = m->context.retrieval_tool != 0;
    return r;
}
