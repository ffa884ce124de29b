#include "odd.h"

#include <string.h>

#define MAX_RUNS  10 /* of a line that make its shape */
#define MIN_LINES 8  /* of fewer none is usual */
#define SHAPES    64 /* of one text; with more there is no usual one */

struct shape {
    uint32_t hash, n;
};

static unsigned char kind_of(unsigned char byte)
{
    unsigned char lower = byte | 0x20;

    return (lower >= 'a' && lower <= 'z') || byte >= 0x80 ? 'a'
           : byte >= '0' && byte <= '9'                   ? '0'
                                                          : byte;
}

/* Runs of a kind count once: "2025-03-09 INFO" is as "1999-12-31 DEBUG". */
static uint32_t shape_of(const unsigned char kinds[256], struct str line)
{
    uint32_t hash = 1;
    unsigned char last = 0;

    for (size_t i = 0, runs = 0; i < line.len && runs < MAX_RUNS; i++) {
        unsigned char kind = kinds[(unsigned char)line.data[i]];
        if (kind == last)
            continue;
        hash = (hash ^ kind) * 0x9e3779b1U;
        last = kind;
        runs++;
    }
    return hash ^ hash >> 15;
}

/* NULL when there are too many. */
static struct shape *find(struct shape *shapes, uint32_t hash)
{
    for (unsigned probe = 0; probe < 8; probe++) {
        struct shape *s = &shapes[(hash + probe) % SHAPES];
        if (s->n == 0 || s->hash == hash)
            return s;
    }
    return NULL;
}

struct judging {
    const struct unit_list *list;
    unsigned char kinds[256]; /* of each byte */
    uint32_t *hash;           /* of each unit's shape */
    float *odd;
};

static void judge(struct judging *j, const struct unit_source *s)
{
    const struct unit_list *l = j->list;
    struct shape shapes[SHAPES] = {0};
    float n = (float)s->n, usual = 0;

    for (size_t i = s->first; i < s->first + s->n; i++) {
        j->hash[i] = shape_of(j->kinds, l->unit[i].text);
        struct shape *shape = find(shapes, j->hash[i]);
        if (shape) {
            shape->hash = j->hash[i];
            shape->n++;
        }
    }
    for (size_t k = 0; k < SHAPES; k++)
        usual += (float)shapes[k].n / n * (float)shapes[k].n / n;
    for (size_t i = s->first; i < s->first + s->n; i++) {
        const struct shape *shape = find(shapes, j->hash[i]);
        float own = shape ? (float)shape->n / n : 0;
        j->odd[i] = usual > own ? usual - own : 0;
    }
}

const float *odd_units(const struct unit_list *l)
{
    struct judging j = {.list = l,
                        .hash = arena_alloc(l->arena, l->n * sizeof(*j.hash) + 1),
                        .odd = arena_alloc(l->arena, l->n * sizeof(*j.odd) + 1)};

    if (!j.hash || !j.odd)
        return NULL;
    for (unsigned byte = 0; byte < sizeof(j.kinds); byte++)
        j.kinds[byte] = kind_of((unsigned char)byte);
    for (size_t s = 0; s < l->n_sources; s++)
        if (l->source[s].kind == PIECE_OUTPUT && l->source[s].n >= MIN_LINES)
            judge(&j, &l->source[s]);
    return j.odd;
}
