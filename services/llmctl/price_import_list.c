#include "price_import_list.h"

#include "base/money.h"
#include "base/parse.h"

#include <string.h>

#define NANO_PER_TOKEN   15 /* dollars a token to nano-dollars a million */
#define NANO_PER_MILLION 9

static const char no_number[] = "a figure is no number, or out of range";
static const char too_many[] = "it has too many tiers";

/* ---- LiteLLM: {"gpt-5": {"litellm_provider", "input_cost_per_token", …}, …} ---- */

static const struct {
    const char *key;
    enum price_import_figure figure;
} litellm_keys[] = {
    {"input_cost_per_token", PRICE_INPUT},
    {"output_cost_per_token", PRICE_OUTPUT},
    {"cache_read_input_token_cost", PRICE_CACHE_READ},
    {"cache_creation_input_token_cost", PRICE_CACHE_WRITE},
    {"output_cost_per_reasoning_token", PRICE_REASONING},
};

/* "_above_200k_tokens" */
static bool read_above(struct str tail, int64_t *ret)
{
    uint64_t n;
    static const char begin[] = "_above_", end[] = "k_tokens";
    if (!str_has_prefix(tail, begin) || tail.len <= sizeof(begin) - 1 + sizeof(end) - 1)
        return false;
    struct str number = {tail.data + sizeof(begin) - 1, tail.len - sizeof(begin) - sizeof(end) + 2};
    if (!str_is((struct str){tail.data + tail.len - sizeof(end) + 1, sizeof(end) - 1}, end) ||
        !parse_u64(number, &n) || n > 1000000)
        return false;
    *ret = (int64_t)n * 1000;
    return true;
}

static struct price_import_prices *litellm_place(struct price_import_row *row, struct str tail,
                                                 const char **why)
{
    int64_t above;
    if (tail.len == 0)
        return &row->base;
    if (!read_above(tail, &above))
        return NULL;
    struct price_import_prices *tier = price_import_row_tier(row, above);
    if (!tier)
        *why = too_many;
    return tier;
}

static const char *read_litellm_member(struct price_import_row *row, const struct json_value *m)
{
    const char *why = NULL;
    for (size_t i = 0; i < sizeof(litellm_keys) / sizeof(*litellm_keys); i++) {
        size_t len = strlen(litellm_keys[i].key);
        if (!str_has_prefix(m->key, litellm_keys[i].key) || json_is(m, JSON_NULL))
            continue;
        struct str tail = {m->key.data + len, m->key.len - len};
        struct price_import_prices *to = litellm_place(row, tail, &why);
        if (to && (!json_is(m, JSON_NUMBER) ||
                   !price_import_row_number(m->raw, NANO_PER_TOKEN,
                                            &to->figures[litellm_keys[i].figure])))
            return no_number;
    }
    return why;
}

static bool read_litellm_model(const struct price_import_list *l, const struct json_value *m)
{
    struct price_import_row row;
    price_import_row_init(&row);
    row.model = m->key;
    row.source = STR("LiteLLM");
    row.date = l->date;
    if (!json_string(json_get(m, "litellm_provider"), l->arena, &row.provider))
        return l->fn(l->arg, &row, "it names no provider");
    if (row.model.len > row.provider.len && row.model.data[row.provider.len] == '/' &&
        memcmp(row.model.data, row.provider.data, row.provider.len) == 0) {
        row.model.data += row.provider.len + 1;
        row.model.len -= row.provider.len + 1;
    }
    const char *why = NULL;
    for (const struct json_value *member = m->child; member && !why; member = member->next)
        why = read_litellm_member(&row, member);
    return l->fn(l->arg, &row, why);
}

bool price_import_list_litellm(const struct price_import_list *l, const struct json_value *root)
{
    for (const struct json_value *m = root->child; m; m = m->next)
        if (json_is(m, JSON_OBJECT) && !str_is(m->key, "sample_spec") && !read_litellm_model(l, m))
            return false;
    return true;
}

/* ---- genai-prices: [{"id", "models": [{"id", "prices": {"input_mtok", …}}, …]}, …] ---- */

static const struct {
    const char *key;
    enum price_import_figure figure;
} genai_keys[] = {
    {"input_mtok", PRICE_INPUT},
    {"output_mtok", PRICE_OUTPUT},
    {"cache_read_mtok", PRICE_CACHE_READ},
    {"cache_write_mtok", PRICE_CACHE_WRITE},
    {"output_reasoning_mtok", PRICE_REASONING},
};

static bool read_figure(const struct json_value *v, int64_t *ret)
{
    return json_is(v, JSON_NUMBER) && price_import_row_number(v->raw, NANO_PER_MILLION, ret);
}

/* A number, or {"base": 3, "tiers": [{"start": 200000, "price": 6}]}. */
static const char *read_genai_figure(struct price_import_row *row, const struct json_value *v,
                                     enum price_import_figure figure)
{
    if (!json_is(v, JSON_OBJECT))
        return read_figure(v, &row->base.figures[figure]) ? NULL : no_number;
    if (!read_figure(json_get(v, "base"), &row->base.figures[figure]))
        return no_number;
    const struct json_value *tiers = json_get(v, "tiers");
    for (const struct json_value *t = tiers ? tiers->child : NULL; t; t = t->next) {
        int64_t above;
        if (!json_int(json_get(t, "start"), &above))
            return no_number;
        struct price_import_prices *to = price_import_row_tier(row, above);
        if (!to)
            return too_many;
        if (!read_figure(json_get(t, "price"), &to->figures[figure]))
            return no_number;
    }
    return NULL;
}

static const char *read_genai_prices(struct price_import_row *row, const struct json_value *prices)
{
    if (!json_is(prices, JSON_OBJECT))
        return "it has no prices";
    if (json_get(prices, "requests_kcount"))
        return "it costs a fee per request";
    const char *why = NULL;
    for (size_t i = 0; i < sizeof(genai_keys) / sizeof(*genai_keys) && !why; i++) {
        const struct json_value *v = json_get(prices, genai_keys[i].key);
        if (v && !json_is(v, JSON_NULL))
            why = read_genai_figure(row, v, genai_keys[i].figure);
    }
    return why;
}

/* Of several the last that has begun; *ret_begin is since when, if it says. */
static const char *find_in_force(const struct price_import_list *l, const struct json_value *list,
                                 const struct json_value **ret, struct str *ret_begin)
{
    for (const struct json_value *one = list->child; one; one = one->next) {
        const struct json_value *constraint = json_get(one, "constraint");
        struct str begin = STR_EMPTY;
        if (json_is(constraint, JSON_OBJECT)) {
            if (!json_string(json_get(constraint, "start_date"), l->arena, &begin))
                return "its price depends on the time of day";
            if (begin.len != l->date.len)
                return "a date is none";
            if (memcmp(begin.data, l->date.data, begin.len) > 0)
                continue;
        }
        *ret = json_get(one, "prices");
        *ret_begin = begin;
    }
    return NULL;
}

static bool read_genai_model(const struct price_import_list *l, struct str provider,
                             const struct json_value *m)
{
    struct price_import_row row;
    struct str begin = STR_EMPTY;
    price_import_row_init(&row);
    row.provider = provider;
    row.source = STR("genai-prices");
    row.date = l->date;
    if (!json_string(json_get(m, "id"), l->arena, &row.model))
        return l->fn(l->arg, &row, "a model has no id");
    const struct json_value *prices = json_get(m, "prices");
    const char *why = NULL;
    if (json_is(prices, JSON_ARRAY)) {
        const struct json_value *list = prices;
        prices = NULL;
        why = find_in_force(l, list, &prices, &begin);
    }
    if (!why)
        why = read_genai_prices(&row, prices);
    if (begin.len > 0)
        row.date = begin;
    return l->fn(l->arg, &row, why);
}

bool price_import_list_genai(const struct price_import_list *l, const struct json_value *root)
{
    for (const struct json_value *p = root->child; p; p = p->next) {
        struct str provider = STR_EMPTY;
        const struct json_value *models = json_get(p, "models");
        if (!json_string(json_get(p, "id"), l->arena, &provider) || !json_is(models, JSON_ARRAY))
            continue;
        for (const struct json_value *m = models->child; m; m = m->next)
            if (!read_genai_model(l, provider, m))
                return false;
    }
    return true;
}
