#include "price_file.h"

#include "settings/settings_check.h"
#include "settings/settings_text.h"

#include <assert.h>
#include <stdlib.h>

#define MAX_BYTES 16777216 /* of the lists in a file of 1 MiB */

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

static int read_rows(struct price_file *f, struct settings_reader *r)
{
    int e = settings_read(r, file_keys, f);

    return e ? e : settings_check_prices(f->rows, f->n_rows, r);
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
