#include "ctl_command.h"
#include "ctl_file.h"
#include "io/map_file.h"
#include "settings/settings.h"
#include "tokens/vocab_ranks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_TABLE ((size_t)256 << 20)

struct import {
    const char *from, *to, *name, *models;
    struct vocab_source source;
};

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "llmctl: %s: %s\n", what, why);
    return CTL_ERROR;
}

static int read_ranks(struct import *i, struct str file)
{
    enum pretoken_family family;
    const char *name = vocab_ranks_name(file, &family);

    if (!name)
        return fail(i->from, "not a list of ranks that OpenAI publishes");
    i->name = name;
    switch (vocab_ranks_read(file, family, &i->source)) {
    case VOCAB_RANKS_OK:
        return CTL_OK;
    case VOCAB_RANKS_SYNTAX:
        return fail(i->from, "not lines of base64 and a rank that rises");
    case VOCAB_RANKS_TOO_BIG:
        return fail(i->from, "too many tokens, or too long ones");
    }
    return CTL_ERROR;
}

static int write_beside(const struct import *i, const char *ending, struct str bytes)
{
    char path[4096];
    int r;

    if ((size_t)snprintf(path, sizeof(path), "%s/%s%s", i->to, i->name, ending) >= sizeof(path))
        return fail(i->to, strerror(ENAMETOOLONG));
    r = ctl_file_write(path, bytes);
    return r < 0 ? fail(path, strerror(-r)) : CTL_OK;
}

/* The table goes last: until it is there, nobody looks for what stands beside it. */
static int write_table(const struct import *i)
{
    CLEANUP(buf_done) struct buf table;
    enum vocab_make_result r;
    struct vocab v;

    buf_init(&table, MAX_TABLE);
    r = vocab_make(&i->source, i->name, &table);
    if (r != VOCAB_MAKE_OK)
        return fail(i->from, vocab_make_result_text(r));
    if (vocab_init(&v, buf_str(&table)) != VOCAB_OK || !vocab_is_intact(&v))
        return fail(i->from, "the table made of it cannot be read back");
    if (write_beside(i, ".table", buf_str(&table)) != CTL_OK)
        return CTL_ERROR;
    printf("%s: %u tokens, in %s/%s.table\n", i->name, v.header->n_tokens, i->to, i->name);
    return CTL_OK;
}

/* Where the services look, unless told otherwise. */
static int find_folder(struct import *i, const char *config_path, char *folder, size_t size)
{
    CLEANUP(settings_free) struct settings *s = NULL;
    char why[512];

    if (!i->to) {
        if (settings_load(config_path, &s, why, sizeof(why)) != 0) {
            fprintf(stderr, "llmctl: %s; or say where: --to FOLDER\n", why);
            return CTL_ERROR;
        }
        if ((size_t)snprintf(folder, size, "%s/tokens", s->paths.data) >= size)
            return fail(s->paths.data, strerror(ENAMETOOLONG));
        i->to = folder;
    }
    if (mkdir(i->to, 0755) != 0 && errno != EEXIST)
        return fail(i->to, strerror(errno));
    return CTL_OK;
}

static bool parse(struct import *i, int argc, char **argv)
{
    for (int k = 0; k < argc; k++) {
        const char **value = strcmp(argv[k], "--to") == 0 ? &i->to : NULL;
        if (value && k + 1 < argc)
            *value = argv[++k];
        else if (argv[k][0] != '-' && !i->from)
            i->from = argv[k];
        else
            return false;
    }
    return i->from != NULL;
}

static int import(struct ctl_context *c, int argc, char **argv)
{
    struct import i = {0};
    char folder[4096];
    struct str file;
    int r;

    if (!parse(&i, argc, argv))
        return CTL_USAGE;
    if (find_folder(&i, c->config_path, folder, sizeof(folder)) != CTL_OK)
        return CTL_ERROR;
    r = map_file_open(i.from, &file);
    if (r < 0)
        return fail(i.from, strerror(-r));
    r = read_ranks(&i, file);
    if (r == CTL_OK)
        r = write_table(&i);
    vocab_source_done(&i.source);
    map_file_close(&file);
    return r;
}

const struct ctl_command ctl_tokens_import_command = {
    "tokens import", "FILE [--to FOLDER]", "count exactly by this list of ranks", import};
