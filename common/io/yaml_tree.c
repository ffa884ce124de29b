#include "io/yaml_tree.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/utf8.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

#define MAX_BYTES ((size_t)1 << 20)
#define MAX_DEPTH 32
#define MAX_KEYS  512
/* The shortest item ("-\n") becomes a node of about a hundred bytes. */
#define MAX_TREE ((size_t)64 << 20)

struct yaml_tree {
    struct arena arena;
    const char *name;
    struct yaml_node *root;
};

/* A list or map whose end has not been read. */
struct level {
    struct yaml_node *node;
    struct yaml_node **tail;
    unsigned n;
    const char *key; /* of a map: waits for its value */
    unsigned key_line, key_column;
};

struct builder {
    struct yaml_tree *y;
    yaml_parser_t parser;
    struct level levels[MAX_DEPTH];
    unsigned depth, documents;
    char *reterr;
    size_t reterr_size;
};

int yaml_tree_refuse(struct yaml_place at, char *reterr, size_t reterr_size, const char *format,
                     ...)
{
    va_list args;

    if (reterr_size == 0)
        return 1;
    int n = snprintf(reterr, reterr_size, "%s:%u:%u: ", at.name, at.line, at.column);
    if (n > 0 && (size_t)n < reterr_size) {
        va_start(args, format);
        vsnprintf(reterr + n, reterr_size - (size_t)n, format, args);
        va_end(args);
    }
    size_t len = strlen(reterr);
    reterr[utf8_prefix(reterr, len, len)] = '\0';
    for (char *p = reterr; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    return 1;
}

static struct yaml_place place_of(const struct builder *b, const yaml_mark_t *mark)
{
    return (struct yaml_place){b->y->name, (unsigned)mark->line + 1, (unsigned)mark->column + 1};
}

static int refuse(struct builder *b, const yaml_mark_t *mark, const char *what)
{
    return yaml_tree_refuse(place_of(b, mark), b->reterr, b->reterr_size, "%s", what);
}

static int refuse_syntax(struct builder *b)
{
    const yaml_parser_t *p = &b->parser;

    if (p->error == YAML_MEMORY_ERROR)
        return -ENOMEM;
    if (p->error == YAML_READER_ERROR)
        return yaml_tree_refuse(place_of(b, &p->mark), b->reterr, b->reterr_size,
                                "%s at byte %zu of the file", p->problem, p->problem_offset);
    const char *problem = p->problem ? p->problem : "not YAML";
    bool is_tab = strstr(problem, "cannot start any token");
    return yaml_tree_refuse(
        place_of(b, &p->problem_mark), b->reterr, b->reterr_size, "%s%s%s",
        is_tab || !p->context ? "" : p->context, is_tab || !p->context ? "" : ": ",
        is_tab ? "a tab (indent with spaces), or @, ` or % without quotes" : problem);
}

static void close_builder(struct builder *b)
{
    yaml_parser_delete(&b->parser);
}

static bool is_key_due(const struct builder *b)
{
    return b->depth > 0 && b->levels[b->depth - 1].node->type == YAML_MAP &&
           !b->levels[b->depth - 1].key;
}

static int take_key(struct builder *b, const yaml_event_t *event, const char *text)
{
    struct level *level = &b->levels[b->depth - 1];

    if (yaml_tree_get(level->node, text))
        return yaml_tree_refuse(place_of(b, &event->start_mark), b->reterr, b->reterr_size,
                                "repeated key '%.64s'", text);
    if (++level->n > MAX_KEYS)
        return refuse(b, &event->start_mark, "more than 512 keys in one map");
    level->key = text;
    level->key_line = (unsigned)event->start_mark.line + 1;
    level->key_column = (unsigned)event->start_mark.column + 1;
    return 0;
}

static struct yaml_node *add_node(struct builder *b, enum yaml_type type, const yaml_event_t *event)
{
    struct yaml_node *node = arena_alloc(&b->y->arena, sizeof(*node));
    if (!node)
        return NULL;

    node->type = type;
    node->line = (unsigned)event->start_mark.line + 1;
    node->column = (unsigned)event->start_mark.column + 1;
    if (b->depth == 0) {
        b->y->root = node;
        return node;
    }
    struct level *level = &b->levels[b->depth - 1];
    node->key = TAKE(level->key);
    node->key_line = level->key_line;
    node->key_column = level->key_column;
    *level->tail = node;
    level->tail = &node->next;
    return node;
}

static int take_scalar(struct builder *b, const yaml_event_t *event)
{
    struct str text = {(const char *)event->data.scalar.value, event->data.scalar.length};

    if (text.len > 0 && memchr(text.data, 0, text.len))
        return refuse(b, &event->start_mark, "a text with a NUL character in it");
    const char *copy = arena_copy(&b->y->arena, text);
    if (!copy)
        return refuse(b, &event->start_mark, "the document is too large");
    if (is_key_due(b))
        return take_key(b, event, copy);

    struct yaml_node *node = add_node(b, YAML_SCALAR, event);
    if (!node)
        return refuse(b, &event->start_mark, "the document is too large");
    node->scalar = copy;
    node->is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    return 0;
}

static int open_level(struct builder *b, enum yaml_type type, const yaml_event_t *event)
{
    if (is_key_due(b))
        return refuse(b, &event->start_mark, "a key must be a text");
    if (b->depth == MAX_DEPTH)
        return refuse(b, &event->start_mark, "nested deeper than 32 levels");
    struct yaml_node *node = add_node(b, type, event);
    if (!node)
        return refuse(b, &event->start_mark, "the document is too large");
    b->levels[b->depth++] = (struct level){.node = node, .tail = &node->child};
    return 0;
}

/* Anchors and tags change what a text means from afar: a configuration has no use for them. */
static int refuse_decoration(struct builder *b, const yaml_event_t *event,
                             const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (anchor)
        return refuse(b, &event->start_mark, "anchors (&) are not allowed");
    if (tag)
        return refuse(b, &event->start_mark, "tags (!) are not allowed");
    return 0;
}

static int take_event(struct builder *b, const yaml_event_t *event)
{
    int r;

    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return ++b->documents > 1 ? refuse(b, &event->start_mark, "a second document") : 0;
    case YAML_ALIAS_EVENT:
        return refuse(b, &event->start_mark, "aliases (*) are not allowed");
    case YAML_SCALAR_EVENT:
        r = refuse_decoration(b, event, event->data.scalar.anchor, event->data.scalar.tag);
        return r != 0 ? r : take_scalar(b, event);
    case YAML_SEQUENCE_START_EVENT:
        r = refuse_decoration(b, event, event->data.sequence_start.anchor,
                              event->data.sequence_start.tag);
        return r != 0 ? r : open_level(b, YAML_LIST, event);
    case YAML_MAPPING_START_EVENT:
        r = refuse_decoration(b, event, event->data.mapping_start.anchor,
                              event->data.mapping_start.tag);
        return r != 0 ? r : open_level(b, YAML_MAP, event);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        b->depth--;
        return 0;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        return 0;
    }
    return 0;
}

static int build(struct builder *b)
{
    for (;;) {
        CLEANUP(yaml_event_delete) yaml_event_t event;
        if (!yaml_parser_parse(&b->parser, &event)) {
            memset(&event, 0, sizeof(event));
            return refuse_syntax(b);
        }
        if (event.type == YAML_STREAM_END_EVENT)
            return 0;
        int r = take_event(b, &event);
        if (r != 0)
            return r;
    }
}

static int refuse_environment(const char *path, int error, char *reterr, size_t reterr_size)
{
    snprintf(reterr, reterr_size, "%s: %s", path, strerror(-error));
    return error;
}

#define STEP 4096

/* Stops behind MAX_BYTES: yaml_tree_parse() has the words for that. */
static int read_all(int fd, struct buf *out)
{
    while (out->len <= MAX_BYTES) {
        char *place = buf_reserve(out, STEP);
        assert(place);
        ssize_t n = read(fd, place, STEP);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n == 0)
            return 0;
        if (n > 0)
            buf_commit(out, (size_t)n);
    }
    return 0;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

int yaml_tree_load(const char *path, struct yaml_tree **ret, char *reterr, size_t reterr_size)
{
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return refuse_environment(path, -errno, reterr, reterr_size);

    CLEANUP(buf_done) struct buf text = {.max = MAX_BYTES + STEP};
    int r = read_all(fd, &text);
    if (r < 0)
        return refuse_environment(path, r, reterr, reterr_size);
    return yaml_tree_parse(path, buf_str(&text), ret, reterr, reterr_size);
}

int yaml_tree_parse(const char *name, struct str text, struct yaml_tree **ret, char *reterr,
                    size_t reterr_size)
{
    CLEANUP(yaml_tree_free) struct yaml_tree *y = calloc(1, sizeof(*y));
    if (!y)
        abort();
    arena_init(&y->arena, MAX_TREE);
    y->name = arena_copy(&y->arena, str_from(name));

    CLEANUP(close_builder)
    struct builder b = {.y = y, .reterr = reterr, .reterr_size = reterr_size};
    if (!yaml_parser_initialize(&b.parser))
        return refuse_environment(name, -ENOMEM, reterr, reterr_size);
    if (text.len > MAX_BYTES)
        return yaml_tree_refuse((struct yaml_place){name, 1, 1}, reterr, reterr_size,
                                "larger than 1 MiB");
    yaml_parser_set_input_string(&b.parser, (const unsigned char *)(text.len > 0 ? text.data : ""),
                                 text.len);

    int r = build(&b);
    if (r < 0)
        return refuse_environment(name, r, reterr, reterr_size);
    if (r == 0)
        *ret = TAKE(y);
    return r;
}

void yaml_tree_free(struct yaml_tree **y)
{
    if (!*y)
        return;
    arena_done(&(*y)->arena);
    free(*y);
    *y = NULL;
}

const char *yaml_tree_name(const struct yaml_tree *y)
{
    return y->name;
}

const struct yaml_node *yaml_tree_root(const struct yaml_tree *y)
{
    return y->root;
}

const struct yaml_node *yaml_tree_get(const struct yaml_node *map, const char *key)
{
    if (!map || map->type != YAML_MAP)
        return NULL;
    for (const struct yaml_node *node = map->child; node; node = node->next)
        if (node->key && strcmp(node->key, key) == 0)
            return node;
    return NULL;
}
