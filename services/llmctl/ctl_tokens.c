#include "ctl_command.h"
#include "ctl_file.h"
#include "io/map_file.h"
#include "settings/settings.h"
#include "tokens/encode.h"
#include "tokens/vocab_json.h"
#include "tokens/vocab_ranks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_FILE   ((size_t)64 << 20)
#define MAX_TABLE  ((size_t)256 << 20)
#define MAX_VALUES ((size_t)1 << 30) /* bytes of what a file says, while it is read */
#define MAX_GLOBS  4096

struct import {
    const char *from, *to, *name, *models;
    struct vocab_source source;
};

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "llmctl: %s: %s\n", what, why);
    return CTL_ERROR;
}

static int read_ranks(struct import *i, struct str file, const char *name,
                      enum pretoken_family family)
{
    if (i->name)
        return fail(name, "is its name; --name is for other files");
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

static int read_json(struct import *i, struct str file)
{
    CLEANUP(arena_done) struct arena a;
    enum vocab_json_result r;
    struct str what;

    arena_init(&a, MAX_VALUES);
    if (!i->name)
        return fail(i->from, "give it a name: --name NAME");
    r = vocab_json_read(&a, file, &i->source, &what);
    if (r == VOCAB_JSON_OK)
        return CTL_OK;
    fprintf(stderr, "llmctl: %s: %s%s%.*s\n", i->from, vocab_json_result_text(r),
            what.len > 0 ? ": " : "", STR_ARG(what));
    return CTL_ERROR;
}

static int read_source(struct import *i, struct str file)
{
    enum pretoken_family family;
    const char *published;

    if (file.len > MAX_FILE)
        return fail(i->from, "larger than any tokenizer");
    published = vocab_ranks_name(file, &family);
    if (published)
        return read_ranks(i, file, published, family);
    if (file.data[0] == '{')
        return read_json(i, file);
    return fail(i->from, "neither a list of ranks that OpenAI publishes nor a tokenizer.json");
}

/* The tokens of each token's text spell it; where it is one piece, they are itself. */
static bool is_consistent(const struct vocab *v)
{
    uint32_t ids[VOCAB_MAX_TOKEN];
    struct encode *e = encode_new(v);
    bool is_right = true;

    for (uint32_t id = 0; id < v->header->n_tokens && is_right; id++) {
        struct str text = vocab_text(v, id), rest = text;
        size_t n = 0;
        is_right = encode_ids(e, text, ids, &n) == ENCODE_OK;
        for (size_t i = 0; i < n && is_right; i++) {
            struct str part = vocab_text(v, ids[i]);
            is_right = part.len <= rest.len && memcmp(part.data, rest.data, part.len) == 0;
            rest = (struct str){rest.data + part.len, rest.len - part.len};
        }
        if (pretoken_length((enum pretoken_family)v->header->family, text) == text.len)
            is_right = is_right && (text.len == 0 || (n == 1 && ids[0] == id));
        is_right = is_right && rest.len == 0;
    }
    encode_free(&e);
    return is_right;
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

/* Which models it counts for: a line each. */
static int write_models(const struct import *i)
{
    CLEANUP(buf_done) struct buf lines;
    struct str rest = str_from(i->models), glob;
    bool is_written = true;

    buf_init(&lines, MAX_GLOBS);
    if (!i->models)
        return CTL_OK;
    while (is_written && str_cut(&rest, ',', &glob))
        is_written = buf_printf(&lines, "%.*s\n", STR_ARG(str_trim(glob))) == BUF_OK;
    return is_written ? write_beside(i, ".models", buf_str(&lines))
                      : fail(i->models, strerror(EFBIG));
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
    if (vocab_init(&v, buf_str(&table)) != VOCAB_OK || !vocab_is_intact(&v) || !is_consistent(&v))
        return fail(i->from, "its tokens and merges contradict each other");
    if (write_models(i) != CTL_OK || write_beside(i, ".table", buf_str(&table)) != CTL_OK)
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

static bool is_name(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

    return len > 0 && len < VOCAB_NAME && name[len] == '\0' && name[0] != '.';
}

static bool parse(struct import *i, int argc, char **argv)
{
    for (int k = 0; k < argc; k++) {
        const char **value = strcmp(argv[k], "--to") == 0       ? &i->to
                             : strcmp(argv[k], "--name") == 0   ? &i->name
                             : strcmp(argv[k], "--models") == 0 ? &i->models
                                                                : NULL;
        if (value && k + 1 < argc)
            *value = argv[++k];
        else if (argv[k][0] != '-' && !i->from)
            i->from = argv[k];
        else
            return false;
    }
    return i->from && (!i->name || is_name(i->name)) && !i->name == !i->models;
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
    r = read_source(&i, file);
    if (r == CTL_OK)
        r = write_table(&i);
    vocab_source_done(&i.source);
    map_file_close(&file);
    return r;
}

const struct ctl_command ctl_tokens_import_command = {
    "tokens import", "FILE [--name NAME --models GLOB,…] [--to FOLDER]",
    "count exactly by a list of ranks or a tokenizer.json", import};
