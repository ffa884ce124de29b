#include "price_file.h"

#include "base/map.h"
#include "settings/settings_read.h"
#include "settings/settings_text.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BYTES 16777216 /* of the lists in a file of 1 MiB */
#define MAX_NAME  512      /* "provider model" */

struct price_file_memory {
    struct arena arena;
    struct yaml_tree *tree; /* the texts are its */
};

static const struct settings_row provider_keys[] = {
    {.name = "name",
     .type = SETTINGS_TEXT,
     .is_required = true,
     .offset = offsetof(struct price_file_provider, name),
     .size = sizeof(const char *),
     .check = settings_text_check_name},
    {.name = "hosts",
     .type = SETTINGS_TEXTS,
     .offset = offsetof(struct price_file_provider, hosts),
     .size = sizeof(const char **),
     .count_offset = offsetof(struct price_file_provider, n_hosts),
     .max = 16,
     .check = settings_text_check_name},
    {0},
};

static const struct settings_row file_keys[] = {
    {.name = "providers",
     .type = SETTINGS_LIST,
     .offset = offsetof(struct price_file, providers),
     .count_offset = offsetof(struct price_file, n_providers),
     .item_size = sizeof(struct price_file_provider),
     .rows = provider_keys,
     .max = 256},
    {.name = "prices",
     .type = SETTINGS_LIST,
     .offset = offsetof(struct price_file, rows),
     .count_offset = offsetof(struct price_file, n_rows),
     .item_size = sizeof(struct settings_price),
     .rows = settings_table_price,
     .max = 16384},
    {0},
};

const char *price_file_check_tiers(const struct settings_price *row)
{
    for (size_t i = 1; i < row->n_tiers; i++)
        if (row->tiers[i].above <= row->tiers[i - 1].above)
            return "the tiers must be in order, each above another number of tokens";
    return NULL;
}

static int check_row(struct settings_reader *r, const struct settings_price *row, struct map *seen)
{
    char name[MAX_NAME];
    size_t len = strlen(row->provider) + 1 + strlen(row->model);
    struct yaml_place place = settings_read_place(r, &row->model);

    if (len >= sizeof(name))
        return yaml_tree_refuse(place, r->reterr, r->reterr_size, "the name is too long");
    snprintf(name, sizeof(name), "%s\n%s", row->provider, row->model);
    if (map_add(seen, (struct str){name, len}, (void *)row) != row)
        return yaml_tree_refuse(place, r->reterr, r->reterr_size, "%s of %s is listed twice",
                                row->model, row->provider);
    const char *what = price_file_check_tiers(row);
    return what ? yaml_tree_refuse(place, r->reterr, r->reterr_size, "%s of %s: %s", row->model,
                                   row->provider, what)
                : 0;
}

static int read_rows(struct price_file *f, struct settings_reader *r)
{
    struct map seen;
    int e = settings_read(r, file_keys, f);

    map_init(&seen);
    for (size_t i = 0; i < f->n_rows && e == 0; i++)
        e = check_row(r, &f->rows[i], &seen);
    map_done(&seen);
    return e;
}

/* Takes over the tree. */
static int read_tree(struct yaml_tree *tree, struct price_file *ret, char *reterr,
                     size_t reterr_size)
{
    CLEANUP(price_file_done) struct price_file f = {.memory = calloc(1, sizeof(*f.memory))};
    assert(f.memory);
    arena_init(&f.memory->arena, MAX_BYTES);
    f.memory->tree = tree;

    CLEANUP(settings_read_done)
    struct settings_reader r = {
        .arena = &f.memory->arena, .tree = tree, .reterr = reterr, .reterr_size = reterr_size};
    int e = read_rows(&f, &r);
    if (e)
        return e;
    *ret = f;
    f = (struct price_file){0};
    return 0;
}

int price_file_load(const char *path, struct price_file *ret, char *reterr, size_t reterr_size)
{
    struct yaml_tree *tree = NULL;
    int r = yaml_tree_load(path, &tree, reterr, reterr_size);
    return r ? r : read_tree(tree, ret, reterr, reterr_size);
}

int price_file_parse(const char *name, struct str text, struct price_file *ret, char *reterr,
                     size_t reterr_size)
{
    struct yaml_tree *tree = NULL;
    int r = yaml_tree_parse(name, text, &tree, reterr, reterr_size);
    return r ? r : read_tree(tree, ret, reterr, reterr_size);
}

void price_file_done(struct price_file *f)
{
    if (f->memory) {
        arena_done(&f->memory->arena);
        yaml_tree_free(&f->memory->tree);
        free(f->memory);
    }
    *f = (struct price_file){0};
}
