#include "prices.h"

#include "base/map.h"
#include "price_file.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NAME 512 /* "provider model" as filed */

struct prices {
    struct map overrides, listed;
    struct map providers; /* the configured ones that go by their host -> a name in the file */
    struct price_file file;
    const struct settings *settings;
    struct prices_price *table;
    size_t n, cap;
};

/* False if the name is too long to be filed. */
static bool name_of(struct str provider, struct str model, char *name, struct str *ret)
{
    if (provider.len + 1 + model.len > MAX_NAME)
        return false;
    memcpy(name, provider.data, provider.len);
    name[provider.len] = '\n';
    memcpy(name + provider.len + 1, model.data, model.len);
    *ret = (struct str){name, provider.len + 1 + model.len};
    return true;
}

/* False if the pair has a price already, or the name is too long. */
static bool add(struct prices *p, struct map *to, const struct settings_price *row)
{
    char space[MAX_NAME];
    struct str name;
    if (!name_of(str_from(row->provider), str_from(row->model), space, &name))
        return false;
    assert(p->n < p->cap);
    p->table[p->n] =
        (struct prices_price){row->input,     row->output, row->cache_read, row->cache_write,
                              row->reasoning, row->tiers,  row->n_tiers};
    if (map_add(to, name, &p->table[p->n]) != &p->table[p->n])
        return false;
    p->n++;
    return true;
}

/* The configuration and the file were checked: no row stands twice. */
static void add_all(struct prices *p, struct map *to, const struct settings_price *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool is_new = add(p, to, &rows[i]);
        assert(is_new);
        (void)is_new;
    }
}

static bool is_listed(const struct prices *p, const char *provider)
{
    for (size_t i = 0; i < p->file.n_rows; i++)
        if (strcmp(p->file.rows[i].provider, provider) == 0)
            return true;
    return false;
}

static struct str host_of(const char *url)
{
    const char *begin = strstr(url, "://");
    begin = begin ? begin + 3 : url;
    return (struct str){begin, strcspn(begin, ":/?#")};
}

/* The name itself, or one below it. */
static bool is_at(struct str host, const char *name)
{
    size_t len = strlen(name);
    if (host.len < len || (host.len > len && host.data[host.len - len - 1] != '.'))
        return false;
    return str_is_nocase((struct str){host.data + host.len - len, len}, name);
}

static const struct price_file_provider *find_host(const struct prices *p, struct str host)
{
    for (size_t i = 0; i < p->file.n_providers; i++)
        for (size_t k = 0; k < p->file.providers[i].n_hosts; k++)
            if (is_at(host, p->file.providers[i].hosts[k]))
                return &p->file.providers[i];
    return NULL;
}

static void add_providers(struct prices *p)
{
    for (size_t i = 0; i < p->settings->n_providers; i++) {
        const struct settings_provider *s = &p->settings->providers[i];
        if (!s->base_url || is_listed(p, s->name))
            continue;
        const struct price_file_provider *listed = find_host(p, host_of(s->base_url));
        if (listed)
            map_add(&p->providers, str_from(s->name), (void *)listed->name);
    }
}

/* The list that comes with the suite may be left out, one that the configuration names may not. */
static bool is_own(const struct settings *s)
{
    size_t n = strlen(s->paths.data);

    return strncmp(s->prices.file, s->paths.data, n) == 0 &&
           strcmp(s->prices.file + n, "/prices.yaml") == 0;
}

int prices_new(const struct settings *s, struct prices **ret, char *reterr, size_t reterr_size)
{
    CLEANUP(prices_free) struct prices *p = calloc(1, sizeof(*p));
    assert(p);
    map_init(&p->overrides);
    map_init(&p->listed);
    map_init(&p->providers);
    p->settings = s;
    int r = price_file_load(s->prices.file, &p->file, reterr, reterr_size);
    if (r != 0 && !(r == -ENOENT && is_own(s)))
        return r;

    p->cap = s->prices.n_overrides + p->file.n_rows;
    p->table = calloc(p->cap + 1, sizeof(*p->table));
    assert(p->table);
    add_all(p, &p->overrides, s->prices.overrides, s->prices.n_overrides);
    add_all(p, &p->listed, p->file.rows, p->file.n_rows);
    add_providers(p);
    *ret = TAKE(p);
    return 0;
}

void prices_free(struct prices **p)
{
    if (!*p)
        return;
    map_done(&(*p)->overrides);
    map_done(&(*p)->listed);
    map_done(&(*p)->providers);
    price_file_done(&(*p)->file);
    free((*p)->table);
    free(*p);
    *p = NULL;
}

static const struct prices_price *find_pair(const struct map *m, struct str provider,
                                            struct str model)
{
    char space[MAX_NAME];
    struct str name;
    return name_of(provider, model, space, &name) ? map_find(m, name) : NULL;
}

static const struct prices_price *find_exactly(const struct prices *p, struct str provider,
                                               struct str model)
{
    const struct prices_price *price = NULL;
    if (p->overrides.n > 0) {
        price = find_pair(&p->overrides, provider, model);
        price = price ? price : find_pair(&p->overrides, STR("*"), model);
    }
    if (price || p->listed.n == 0)
        return price;
    const char *listed = p->providers.n > 0 ? map_find(&p->providers, provider) : NULL;
    price = find_pair(&p->listed, listed ? str_from(listed) : provider, model);
    return price ? price : find_pair(&p->listed, STR("*"), model);
}

static bool has_shape(struct str s, const char *shape)
{
    for (size_t i = 0; i < s.len; i++)
        if (shape[i] == '0' ? s.data[i] < '0' || s.data[i] > '9' : s.data[i] != shape[i])
            return false;
    return true;
}

/* "gpt-5-2025-08-07", "claude-opus-4-1-20250805", "mistral-small-latest"; else as long as it is. */
static size_t length_without_date(struct str model)
{
    static const char *const shapes[] = {"-0000-00-00", "-00000000", "-latest"};
    for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
        size_t len = strlen(shapes[i]);
        if (model.len > len &&
            has_shape((struct str){model.data + model.len - len, len}, shapes[i]))
            return model.len - len;
    }
    return model.len;
}

const struct prices_price *prices_find(const struct prices *p, struct str provider,
                                       struct str model)
{
    const struct prices_price *price = find_exactly(p, provider, model);
    size_t len = price ? model.len : length_without_date(model);
    return len == model.len ? price : find_exactly(p, provider, (struct str){model.data, len});
}

size_t prices_count(const struct prices *p)
{
    return p->n;
}

const struct settings_price *prices_at(const struct prices *p, size_t i, bool *ret_is_override)
{
    size_t n_overrides = p->settings->prices.n_overrides;
    if (ret_is_override)
        *ret_is_override = i < n_overrides;
    return i < n_overrides ? &p->settings->prices.overrides[i] : &p->file.rows[i - n_overrides];
}

static int64_t first_known(int64_t a, int64_t b)
{
    return a == MONEY_UNKNOWN ? b : a;
}

/* The prices for a prompt of so many tokens: the last tier it exceeds. */
static struct prices_price at_length(const struct prices_price *price, int64_t n_tokens)
{
    struct prices_price r = *price;
    for (size_t i = 0; i < price->n_tiers; i++) {
        const struct settings_price_tier *t = &price->tiers[i];
        if ((uint64_t)n_tokens <= t->above)
            break;
        r.input = first_known(t->input, price->input);
        r.output = first_known(t->output, price->output);
        r.cache_read = first_known(t->cache_read, price->cache_read);
        r.cache_write = first_known(t->cache_write, price->cache_write);
        r.reasoning = first_known(t->reasoning, price->reasoning);
    }
    return r;
}

int64_t prices_cost(const struct prices_price *price, const struct prices_tokens *t)
{
    if (!price || t->input < 0 || t->cache_read < 0 || t->cache_write < 0)
        return MONEY_UNKNOWN;
    const struct prices_price p = at_length(price, t->input);
    int64_t plain = t->input;
    if (__builtin_sub_overflow(plain, t->cache_read, &plain) ||
        __builtin_sub_overflow(plain, t->cache_write, &plain))
        return MONEY_UNKNOWN;
    int64_t reasoning = p.reasoning == MONEY_UNKNOWN ? 0 : t->reasoning;
    const struct money_part parts[] = {
        {plain, p.input},
        {t->cache_read, first_known(p.cache_read, p.input)},
        {t->cache_write, first_known(p.cache_write, p.input)},
        {t->output < 0 || reasoning > t->output ? -1 : t->output - reasoning, p.output},
        {reasoning, p.reasoning},
    };
    return money_cost(parts, sizeof(parts) / sizeof(*parts));
}
