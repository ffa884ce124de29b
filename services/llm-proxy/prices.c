#include "prices.h"

#include "base/map.h"
#include "settings/settings_read.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BYTES 16777216 /* of the lists in a file of 1 MiB */
#define MAX_NAME  512      /* "provider model" as filed */

struct file_row {
    const char *provider, *model, *source, *date;
    int64_t input, output, cache_read, cache_write;
};

struct price_file {
    struct file_row *rows;
    size_t n_rows;
};

#define PLACE(type, field)                                                                         \
    .offset = offsetof(struct type, field), .size = sizeof(((struct type *)0)->field)
#define TEXT(field)                                                                                \
    {                                                                                              \
        .name = #field, .type = SETTINGS_TEXT, PLACE(file_row, field)                              \
    }
#define PRICE(field)                                                                               \
    {                                                                                              \
        .name = #field, .type = SETTINGS_PRICE, PLACE(file_row, field)                             \
    }

static const struct settings_row row_keys[] = {
    {.name = "provider", .type = SETTINGS_TEXT, PLACE(file_row, provider), .is_required = true},
    {.name = "model", .type = SETTINGS_TEXT, PLACE(file_row, model), .is_required = true},
    PRICE(input),
    PRICE(output),
    PRICE(cache_read),
    PRICE(cache_write),
    TEXT(source),
    TEXT(date),
    {0},
};

static const struct settings_row file_keys[] = {
    {.name = "prices",
     .type = SETTINGS_LIST,
     .offset = offsetof(struct price_file, rows),
     .count_offset = offsetof(struct price_file, n_rows),
     .item_size = sizeof(struct file_row),
     .rows = row_keys,
     .max = 16384},
    {0},
};

struct prices {
    struct map overrides, listed;
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
static bool add(struct prices *p, struct map *to, const char *provider, const char *model,
                struct prices_price price)
{
    char space[MAX_NAME];
    struct str name;
    if (!name_of(str_from(provider), str_from(model), space, &name))
        return false;
    assert(p->n < p->cap);
    p->table[p->n] = price;
    if (map_add(to, name, &p->table[p->n]) != &p->table[p->n])
        return false;
    p->n++;
    return true;
}

static void make_room(struct prices *p, const struct settings *s, const struct price_file *f)
{
    p->cap = s->prices.n_overrides + f->n_rows;
    p->table = calloc(p->cap + 1, sizeof(*p->table));
    assert(p->table);
}

static int add_file(struct prices *p, const struct price_file *f, struct settings_reader *r)
{
    for (size_t i = 0; i < f->n_rows; i++) {
        const struct file_row *row = &f->rows[i];
        struct prices_price price = {row->input, row->output, row->cache_read, row->cache_write};
        if (!add(p, &p->listed, row->provider, row->model, price))
            return yaml_tree_refuse(settings_read_place(r, &row->model), r->reterr, r->reterr_size,
                                    "%s of %s is listed twice, or too long", row->model,
                                    row->provider);
    }
    return 0;
}

static int add_overrides(struct prices *p, const struct settings *s, char *reterr,
                         size_t reterr_size)
{
    for (size_t i = 0; i < s->prices.n_overrides; i++) {
        const struct settings_price *o = &s->prices.overrides[i];
        struct prices_price price = {o->input, o->output, o->cache_read, o->cache_write};
        if (!add(p, &p->overrides, o->provider, o->model, price)) {
            snprintf(reterr, reterr_size,
                     "prices.overrides[%zu]: %s of %s is given twice, or too long", i, o->model,
                     o->provider);
            return 1;
        }
    }
    return 0;
}

static int fill(struct prices *p, const struct settings *s, struct yaml_tree *tree, char *reterr,
                size_t reterr_size)
{
    struct price_file file = {0};
    CLEANUP(arena_done) struct arena arena;
    arena_init(&arena, MAX_BYTES);
    CLEANUP(settings_read_done)
    struct settings_reader r = {
        .arena = &arena, .tree = tree, .reterr = reterr, .reterr_size = reterr_size};

    int e = tree ? settings_read(&r, file_keys, &file) : 0;
    if (e)
        return e;
    make_room(p, s, &file);
    e = add_file(p, &file, &r);
    return e ? e : add_overrides(p, s, reterr, reterr_size);
}

int prices_new(const struct settings *s, struct prices **ret, char *reterr, size_t reterr_size)
{
    CLEANUP(yaml_tree_free) struct yaml_tree *tree = NULL;
    int r = yaml_tree_load(s->prices.file, &tree, reterr, reterr_size);
    if (r != 0 && r != -ENOENT)
        return r;

    CLEANUP(prices_free) struct prices *p = calloc(1, sizeof(*p));
    assert(p);
    map_init(&p->overrides);
    map_init(&p->listed);
    r = fill(p, s, tree, reterr, reterr_size);
    if (r)
        return r;
    *ret = TAKE(p);
    return 0;
}

void prices_free(struct prices **p)
{
    if (!*p)
        return;
    map_done(&(*p)->overrides);
    map_done(&(*p)->listed);
    free((*p)->table);
    free(*p);
    *p = NULL;
}

static const struct prices_price *find_in(const struct map *m, struct str provider,
                                          struct str model)
{
    char space[MAX_NAME];
    struct str name;
    if (m->n == 0)
        return NULL;
    const struct prices_price *price =
        name_of(provider, model, space, &name) ? map_find(m, name) : NULL;
    if (price)
        return price;
    return name_of(STR("*"), model, space, &name) ? map_find(m, name) : NULL;
}

const struct prices_price *prices_find(const struct prices *p, struct str provider,
                                       struct str model)
{
    const struct prices_price *price = find_in(&p->overrides, provider, model);
    return price ? price : find_in(&p->listed, provider, model);
}

size_t prices_count(const struct prices *p)
{
    return p->n;
}

/* What nobody used costs nothing, whatever its price. */
static int64_t part(int64_t tokens, int64_t price)
{
    return tokens == 0 ? 0 : money_cost(tokens, price);
}

static int64_t or_input(int64_t price, const struct prices_price *p)
{
    return price == MONEY_UNKNOWN ? p->input : price;
}

int64_t prices_cost(const struct prices_price *price, const struct prices_tokens *t)
{
    if (!price || t->input < 0 || t->output < 0 || t->cache_read < 0 || t->cache_write < 0)
        return MONEY_UNKNOWN;
    int64_t plain = t->input - t->cache_read - t->cache_write;
    if (plain < 0)
        return MONEY_UNKNOWN;
    int64_t sum = money_add(part(plain, price->input), part(t->output, price->output));
    sum = money_add(sum, part(t->cache_read, or_input(price->cache_read, price)));
    return money_add(sum, part(t->cache_write, or_input(price->cache_write, price)));
}
