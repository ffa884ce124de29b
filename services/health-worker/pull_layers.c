#include "pull_layers.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/map.h"

#include <string.h>

#define MAX_INDEX (256u << 10)

static uint64_t number_of(const struct json_value *v)
{
    int64_t n;

    if (!json_int(v, &n) || n < 0)
        return 0;
    return (uint64_t)n < PULL_MAX_LAYER_BYTES ? (uint64_t)n : PULL_MAX_LAYER_BYTES;
}

static void note(struct pull_layers *l, struct str digest, uint64_t total, uint64_t completed)
{
    static const uint64_t seed[2] = {0x6c61796572, 0x6f6c6c616d61};
    uint64_t hash = map_hash(seed, digest);
    size_t i = 0;

    while (i < l->n && l->layer[i].digest != hash)
        i++;
    if (i == PULL_MAX_LAYERS)
        return;
    if (i == l->n)
        l->layer[l->n++].digest = hash;
    l->layer[i].total = total;
    if (completed > l->layer[i].completed)
        l->layer[i].completed = completed;
    if (l->layer[i].completed > total)
        l->layer[i].completed = total;
    l->total = l->completed = 0;
    for (size_t k = 0; k < l->n; k++) {
        l->total += l->layer[k].total;
        l->completed += l->layer[k].completed;
    }
}

static enum pull_layers_result read_line(struct pull_layers *l, const struct json_value *o,
                                         struct arena *a)
{
    struct str status, digest, error;

    if (json_string(json_get(o, "error"), a, &error)) {
        str_copy(l->error, sizeof(l->error), error);
        for (char *c = l->error; *c; c++)
            if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
                *c = '?';
        return PULL_LAYERS_ERROR;
    }
    if (!json_string(json_get(o, "status"), a, &status))
        return PULL_LAYERS_INVALID;
    if (str_is(status, "success"))
        return PULL_LAYERS_SUCCESS;
    if (json_string(json_get(o, "digest"), a, &digest) && digest.len > 0)
        note(l, digest, number_of(json_get(o, "total")), number_of(json_get(o, "completed")));
    return PULL_LAYERS_MORE;
}

enum pull_layers_result pull_layers_feed(struct pull_layers *l, struct str line)
{
    enum pull_layers_result r = PULL_LAYERS_INVALID;
    const struct json_value *root;
    struct arena a;
    size_t offset;

    arena_init(&a, MAX_INDEX);
    if (json_parse(&a, line, &root, &offset) == JSON_OK && json_is(root, JSON_OBJECT))
        r = read_line(l, root, &a);
    arena_done(&a);
    return r;
}
