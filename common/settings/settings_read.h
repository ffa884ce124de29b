/* settings_read.h -- which values does the YAML tree give, and at which line does each stand? */
#pragma once

#include "base/arena.h"
#include "base/macro.h"
#include "io/yaml_tree.h"
#include "settings/settings_table.h"

struct settings_place;

struct settings_reader {
    struct arena *arena;          /* for lists; texts are borrowed from the tree */
    const struct yaml_tree *tree; /* must outlive what was read from it */
    char *reterr;
    size_t reterr_size;
    struct settings_place *places; /* of every field read so far */
    size_t n_places, cap_places;
    char path[128]; /* of the map being read: "providers[0].queue" */
};

/* 0, or 1 with `reterr` filled. Rows without a value get their default. */
MUST_USE int settings_read(struct settings_reader *r, const struct settings_row *rows, void *base);
void settings_read_done(struct settings_reader *r);

/* The defaults alone, for an item nobody wrote. */
void settings_read_defaults(const struct settings_row *rows, void *base);

/* Where a field's value stands, or the map it could have stood in. */
struct yaml_place settings_read_place(const struct settings_reader *r, const void *field);
