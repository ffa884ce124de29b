#include "settings/settings_read.h"

#include "base/money.h"
#include "settings/settings_scalar.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct settings_place {
    const void *field;
    unsigned line, column;
};

static const struct yaml_node nothing = {.type = YAML_MAP, .line = 1, .column = 1};

static void *at(void *base, size_t offset)
{
    return (char *)base + offset;
}

static void remember(struct settings_reader *r, const void *field, const struct yaml_node *node)
{
    if (r->n_places == r->cap_places) {
        r->cap_places = r->cap_places ? r->cap_places * 2 : 256;
        r->places = reallocarray(r->places, r->cap_places, sizeof(*r->places));
        if (!r->places)
            abort();
    }
    r->places[r->n_places++] = (struct settings_place){field, node->line, node->column};
}

static struct yaml_place place_of(const struct settings_reader *r, const struct yaml_node *node)
{
    return (struct yaml_place){yaml_tree_name(r->tree), node->line, node->column};
}

static const char *dot(const struct settings_reader *r)
{
    return r->path[0] ? "." : "";
}

static int refuse(struct settings_reader *r, const struct yaml_node *node, const char *key,
                  const char *what)
{
    return yaml_tree_refuse(place_of(r, node), r->reterr, r->reterr_size, "%s%s%s %s", r->path,
                            dot(r), key, what);
}

static int refuse_value(struct settings_reader *r, const struct settings_row *row,
                        const struct yaml_node *node)
{
    CLEANUP(buf_done) struct buf allowed = {.max = 512};
    bool is_free_text = row->type == SETTINGS_TEXT || row->type == SETTINGS_TEXTS;

    if (row->type == SETTINGS_LATER)
        return refuse(r, node, row->name, "is not built yet: leave it out");
    if (settings_scalar_explain(row, &allowed) == BUF_FULL || allowed.len == 0)
        return refuse(r, node, row->name, "is wrong");
    if (is_free_text) /* a password may stand there by mistake: it is not repeated */
        return yaml_tree_refuse(place_of(r, node), r->reterr, r->reterr_size, "%s%s%s must be %s",
                                r->path, dot(r), row->name, allowed.data);
    return yaml_tree_refuse(place_of(r, node), r->reterr, r->reterr_size,
                            "%s%s%s must be %s, not '%.40s'", r->path, dot(r), row->name,
                            allowed.data, node->scalar);
}

static bool is_blank(const struct yaml_node *node)
{
    return node->type == YAML_SCALAR && node->is_plain && node->scalar[0] == '\0';
}

static int read_scalar(struct settings_reader *r, const struct settings_row *row,
                       const struct yaml_node *node, void *base)
{
    if (row->type == SETTINGS_LATER)
        return node->type == YAML_SCALAR && settings_scalar_read(row, node->scalar, base)
                   ? 0
                   : refuse_value(r, row, node);
    if (node->type != YAML_SCALAR)
        return refuse(r, node, row->name, "must be one value, not a list or map");
    if (is_blank(node))
        return refuse(r, node, row->name, "has no value");
    return settings_scalar_read(row, node->scalar, base) ? 0 : refuse_value(r, row, node);
}

static int count_items(struct settings_reader *r, const struct settings_row *row,
                       const struct yaml_node *node, size_t *ret)
{
    size_t n = 0;

    if (node->type != YAML_LIST && !is_blank(node))
        return refuse(r, node, row->name, "must be a list");
    for (const struct yaml_node *item = node->child; item; item = item->next)
        n++;
    if (n < row->min || n > row->max)
        return yaml_tree_refuse(place_of(r, node), r->reterr, r->reterr_size,
                                "%s%s%s must have %llu to %llu items, not %zu", r->path, dot(r),
                                row->name, (unsigned long long)row->min,
                                (unsigned long long)row->max, n);
    *ret = n;
    return 0;
}

static int read_texts(struct settings_reader *r, const struct settings_row *row,
                      const struct yaml_node *node, void *base)
{
    size_t n = 0;
    int e = count_items(r, row, node, &n);
    if (e != 0)
        return e;

    const char **texts = arena_alloc(r->arena, (n + 1) * sizeof(*texts));
    if (!texts)
        return refuse(r, node, row->name, "is too large");
    struct settings_row item_row = *row;
    item_row.offset = 0;
    size_t i = 0;
    for (const struct yaml_node *item = node->child; item; item = item->next, i++) {
        e = read_scalar(r, &item_row, item, &texts[i]);
        if (e != 0)
            return e;
        remember(r, &texts[i], item);
    }
    *(const char ***)at(base, row->offset) = texts;
    *(size_t *)at(base, row->count_offset) = n;
    return 0;
}

static const struct settings_row *find_row(const struct settings_row *rows, const char *name)
{
    for (; rows->name; rows++)
        if (strcmp(rows->name, name) == 0)
            return rows;
    return NULL;
}

static int refuse_unknown_key(struct settings_reader *r, const struct settings_row *rows,
                              const struct yaml_node *node)
{
    CLEANUP(buf_done) struct buf allowed = {.max = 512};
    struct yaml_place place = {yaml_tree_name(r->tree), node->key_line, node->key_column};

    for (const struct settings_row *row = rows; row->name; row++)
        if (buf_printf(&allowed, "%s%s", row == rows ? "" : ", ", row->name) == BUF_FULL)
            break;
    return yaml_tree_refuse(
        place, r->reterr, r->reterr_size, "unknown key '%.64s' %s%s; allowed: %s", node->key,
        r->path[0] ? "in " : "at the top", r->path, allowed.data ? allowed.data : "none");
}

static int check_keys(struct settings_reader *r, const struct settings_row *rows,
                      const struct yaml_node *map)
{
    for (const struct yaml_node *child = map->child; child; child = child->next)
        if (!find_row(rows, child->key))
            return refuse_unknown_key(r, rows, child);
    return 0;
}

/* Makes "name" or "name[i]" part of the path; returns what it was cut back to afterwards. */
static size_t enter(struct settings_reader *r, const char *name, const size_t *index)
{
    size_t len = strlen(r->path);
    const char *joint = dot(r);

    if (index)
        snprintf(r->path + len, sizeof(r->path) - len, "%s%s[%zu]", joint, name, *index);
    else
        snprintf(r->path + len, sizeof(r->path) - len, "%s%s", joint, name);
    return len;
}

static int read_map(struct settings_reader *r, const struct settings_row *rows,
                    const struct yaml_node *map, void *base);

static int read_list(struct settings_reader *r, const struct settings_row *row,
                     const struct yaml_node *node, void *base)
{
    size_t n = 0;
    int e = count_items(r, row, node, &n);
    if (e != 0)
        return e;

    char *items = arena_alloc(r->arena, (n + 1) * row->item_size);
    if (!items)
        return refuse(r, node, row->name, "is too large");
    size_t i = 0;
    for (const struct yaml_node *item = node->child; item; item = item->next, i++) {
        if (item->type != YAML_MAP)
            return refuse(r, item, row->name, "must hold maps: '- key: value'");
        size_t len = enter(r, row->name, &i);
        e = read_map(r, row->rows, item, items + i * row->item_size);
        if (e != 0)
            return e;
        r->path[len] = '\0';
    }
    *(void **)at(base, row->offset) = items;
    *(size_t *)at(base, row->count_offset) = n;
    return 0;
}

static int read_submap(struct settings_reader *r, const struct settings_row *row,
                       const struct yaml_node *node, void *base)
{
    if (node->type != YAML_MAP && !is_blank(node))
        return refuse(r, node, row->name, "must be a map");
    size_t len = enter(r, row->name, NULL);
    int e = read_map(r, row->rows, node, base);
    if (e == 0)
        r->path[len] = '\0';
    return e;
}

static int read_secret(struct settings_reader *r, const struct settings_row *row,
                       const struct yaml_node *node, void *base)
{
    if (node->type != YAML_MAP)
        return refuse(r, node, row->name,
                      "must not hold the secret itself: {env: NAME}, {file: PATH} or "
                      "{credential: NAME} says where it is");
    if (!node->child || node->child->next)
        return refuse(r, node, row->name, "must have exactly one of env, file, credential");
    return read_submap(r, row, node, at(base, row->offset));
}

static int read_row(struct settings_reader *r, const struct settings_row *row,
                    const struct yaml_node *node, void *base)
{
    switch (row->type) {
    case SETTINGS_MAP:
        return read_submap(r, row, node, base);
    case SETTINGS_LIST:
        return read_list(r, row, node, base);
    case SETTINGS_TEXTS:
        return read_texts(r, row, node, base);
    case SETTINGS_SECRET:
        return read_secret(r, row, node, base);
    case SETTINGS_TEXT:
    case SETTINGS_COUNT:
    case SETTINGS_SIZE:
    case SETTINGS_DURATION:
    case SETTINGS_RATIO:
    case SETTINGS_PRICE:
    case SETTINGS_WORD:
    case SETTINGS_LATER:
        break;
    }
    return read_scalar(r, row, node, base);
}

/* Fields of maps that are not there are remembered at `map`: the nearest place to write them. */
static void remember_absent(struct settings_reader *r, const struct settings_row *rows,
                            const struct yaml_node *map, void *base)
{
    for (const struct settings_row *row = rows; row->name; row++)
        if (row->type == SETTINGS_MAP)
            remember_absent(r, row->rows, map, base);
        else if (row->type != SETTINGS_LATER)
            remember(r, at(base, row->offset), map);
}

static int read_map(struct settings_reader *r, const struct settings_row *rows,
                    const struct yaml_node *map, void *base)
{
    int e = check_keys(r, rows, map);
    if (e != 0)
        return e;

    settings_read_defaults(rows, base);
    for (const struct settings_row *row = rows; row->name; row++) {
        const struct yaml_node *node = yaml_tree_get(map, row->name);
        if (!node && row->is_required)
            return refuse(r, map, row->name, "is missing");
        if (!node) {
            struct settings_row alone[] = {*row, {.name = NULL}};
            remember_absent(r, alone, map, base);
            continue;
        }
        e = read_row(r, row, node, base);
        if (e != 0)
            return e;
        if (row->type != SETTINGS_MAP && row->type != SETTINGS_LATER)
            remember(r, at(base, row->offset), node);
    }
    return 0;
}

int settings_read(struct settings_reader *r, const struct settings_row *rows, void *base)
{
    const struct yaml_node *root = yaml_tree_root(r->tree);

    if (!root || is_blank(root))
        root = &nothing;
    if (root->type != YAML_MAP)
        return yaml_tree_refuse(place_of(r, root), r->reterr, r->reterr_size,
                                "the file must be a map: 'key: value'");
    return read_map(r, rows, root, base);
}

void settings_read_done(struct settings_reader *r)
{
    free(r->places);
    *r = (struct settings_reader){0};
}

static void default_texts(const struct settings_row *row, void *base)
{
    *(const char *const **)at(base, row->offset) = &row->fallback;
    *(size_t *)at(base, row->count_offset) = row->fallback ? 1 : 0;
}

void settings_read_defaults(const struct settings_row *rows, void *base)
{
    for (const struct settings_row *row = rows; row->name; row++) {
        if (row->type == SETTINGS_MAP) {
            settings_read_defaults(row->rows, base);
        } else if (row->type == SETTINGS_TEXTS) {
            default_texts(row, base);
        } else if (row->type == SETTINGS_PRICE) {
            *(int64_t *)at(base, row->offset) = MONEY_UNKNOWN;
        } else if (row->fallback && row->type != SETTINGS_LATER) {
            bool is_ok = settings_scalar_read(row, row->fallback, base);
            assert(is_ok);
            (void)is_ok;
        }
    }
}

struct yaml_place settings_read_place(const struct settings_reader *r, const void *field)
{
    struct yaml_place place = {yaml_tree_name(r->tree), 1, 1};

    for (size_t i = 0; i < r->n_places; i++)
        if (r->places[i].field == field) {
            place.line = r->places[i].line;
            place.column = r->places[i].column;
        }
    return place;
}
