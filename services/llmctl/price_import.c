#include "price_import.h"

#include "base/map.h"
#include "base/money.h"
#include "price_import_list.h"
#include "settings/settings_text.h"

#include <stdio.h>
#include <string.h>

#define MAX_ARENA ((size_t)256 << 20) /* the index of a list of some megabytes */
#define MAX_ROWS  16384               /* of a price file */
#define MAX_FILE  ((size_t)1 << 20)

/* Where the prices of a provider hold, whatever the operator calls it; by the names of both lists.
 */
static const struct {
    const char *provider, *hosts;
} places[] = {
    {"openai", "api.openai.com"},
    {"anthropic", "api.anthropic.com"},
    {"google", "generativelanguage.googleapis.com, aiplatform.googleapis.com"},
    {"gemini", "generativelanguage.googleapis.com"},
    {"mistral", "api.mistral.ai"},
    {"deepseek", "api.deepseek.com"},
    {"groq", "api.groq.com"},
    {"xai", "api.x.ai"},
    {"x-ai", "api.x.ai"},
    {"cohere", "api.cohere.ai, api.cohere.com"},
    {"cerebras", "api.cerebras.ai"},
    {"moonshot", "api.moonshot.ai, api.moonshot.cn"},
    {"moonshotai", "api.moonshot.ai, api.moonshot.cn"},
    {"minimax", "api.minimax.io, api.minimaxi.com"},
    {"zhipuai", "open.bigmodel.cn"},
    {"together", "api.together.xyz"},
    {"together_ai", "api.together.xyz"},
    {"fireworks", "api.fireworks.ai"},
    {"fireworks_ai", "api.fireworks.ai"},
    {"perplexity", "api.perplexity.ai"},
    {"bedrock", "amazonaws.com"},
    {"aws", "amazonaws.com"},
    {"azure", "openai.azure.com, azure-api.net, cognitiveservices.azure.com"},
    {"openrouter", "openrouter.ai"},
};

#define N_PLACES (sizeof(places) / sizeof(places[0]))

struct writing {
    struct price_import *import;
    struct buf *out;
    struct arena *arena;
    struct map seen;
    bool is_full;
    bool has_place[N_PLACES]; /* a row of that provider was written */
};

static bool is_wanted(struct str wanted, struct str provider)
{
    struct str one, rest = wanted;
    while (str_cut(&rest, ',', &one))
        if (str_equal(one, provider))
            return true;
    return wanted.len == 0;
}

static bool is_new(struct writing *w, const struct price_import_row *row)
{
    char *name = arena_printf(w->arena, "%.*s\n%.*s", STR_ARG(row->provider), STR_ARG(row->model));
    w->is_full = !name;
    return name && map_add(&w->seen, str_from(name), name) == name;
}

static void note_place(struct writing *w, struct str provider)
{
    for (size_t i = 0; i < N_PLACES; i++)
        w->has_place[i] |= str_is(provider, places[i].provider);
}

static enum buf_result write_places(const struct writing *w)
{
    const char *title = "providers:\n";
    enum buf_result r = BUF_OK;

    for (size_t i = 0; i < N_PLACES && r == BUF_OK; i++) {
        if (!w->has_place[i])
            continue;
        r = buf_printf(w->out, "%s  - {name: %s, hosts: [%s]}\n", title, places[i].provider,
                       places[i].hosts);
        title = "";
    }
    return r;
}

static bool on_model(void *arg, struct price_import_row *row, const char *why)
{
    struct writing *w = arg;
    struct price_import *p = w->import;

    if (!is_wanted(p->providers, row->provider))
        return true;
    if (!why)
        why = price_import_row_problem(row);
    if (!why && settings_text_check_date(row->date))
        why = "a date is none";
    if (!why && !is_new(w, row))
        why = "it is there already";
    if (why) {
        p->n_skipped++;
        if (p->on_skip)
            p->on_skip(p->arg, row->provider, row->model, why);
        return !w->is_full;
    }
    if (row->base.figures[PRICE_REASONING] == row->base.figures[PRICE_OUTPUT])
        row->base.figures[PRICE_REASONING] = MONEY_UNKNOWN; /* a tier's answers are thought, too */
    note_place(w, row->provider);
    p->n_rows++;
    w->is_full = p->n_rows > MAX_ROWS || price_import_row_write(row, w->out) == BUF_FULL ||
                 w->out->len > MAX_FILE;
    return !w->is_full;
}

static enum price_import_result write_rows(struct writing *w, const struct json_value *root)
{
    const struct price_import_list list = {
        .arena = w->arena, .date = w->import->date, .fn = on_model, .arg = w};

    if (buf_printf(w->out, "prices:\n") == BUF_FULL)
        return PRICE_IMPORT_TOO_LARGE;
    map_init(&w->seen);
    bool is_all = json_is(root, JSON_OBJECT) ? price_import_list_litellm(&list, root)
                                             : price_import_list_genai(&list, root);
    map_done(&w->seen);
    if (!is_all || write_places(w) != BUF_OK)
        return PRICE_IMPORT_TOO_LARGE;
    return w->import->n_rows > 0 ? PRICE_IMPORT_OK : PRICE_IMPORT_NO_PRICES;
}

enum price_import_result price_import_write(struct price_import *p, struct buf *out)
{
    CLEANUP(arena_done) struct arena arena;
    const struct json_value *root = NULL;
    size_t at = 0;

    arena_init(&arena, MAX_ARENA);
    enum json_result r = json_parse(&arena, p->text, &root, &at);
    if (r) {
        snprintf(p->problem, sizeof(p->problem), "%s at byte %zu", json_result_text(r), at);
        return PRICE_IMPORT_NO_JSON;
    }
    if (!json_is(root, JSON_OBJECT) && !json_is(root, JSON_ARRAY))
        return PRICE_IMPORT_NO_PRICES;
    struct writing w = {.import = p, .out = out, .arena = &arena};
    return write_rows(&w, root);
}
