/* snapshots.h -- a snapshot of a configuration written in the test. */
#pragma once

#include "snapshot.h"

#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct snapshots {
    struct map upstreams;
    struct snapshot *snapshot;
};

/* Providers a, b, c at a port nobody is asked at, then `models` (and whatever follows). */
static inline void snapshots_init(struct snapshots *s, const char *models)
{
    static const char providers[] =
        "providers:\n"
        "  - {name: a, base_url: 'http://127.0.0.1:1', backend: local, max_parallel: 2}\n"
        "  - {name: b, base_url: 'http://127.0.0.1:1', max_parallel: 2, breaker: {failures: 1}}\n"
        "  - {name: c, base_url: 'http://127.0.0.1:1', max_parallel: 2}\n"
        "paths: {data: /nonexistent}\n"
        "prices: {overrides: [\n"
        "  {provider: a, model: x, input: 1, output: 20},\n"
        "  {provider: b, model: x, input: 1, output: 10}]}\n";
    struct settings *settings = NULL;
    char *text = NULL, why[512] = "";

    if (asprintf(&text, "%smodels:\n%s", providers, models) < 0)
        abort();
    map_init(&s->upstreams);
    if (settings_parse("test", str_from(text), &settings, why, sizeof(why)) != 0 ||
        snapshot_new(&settings, &s->upstreams, 1, &s->snapshot, why, sizeof(why)) != 0)
        fail_msg("%s", why);
    free(text);
}

static inline void snapshots_done(struct snapshots *s)
{
    size_t cursor = 0;
    struct str name;
    void *u;

    snapshot_unref(&s->snapshot);
    while (map_next(&s->upstreams, &cursor, &name, &u)) {
        struct upstream *one = u;
        upstream_free(&one);
    }
    map_done(&s->upstreams);
}

static inline const struct settings_model *snapshots_model(const struct snapshots *s,
                                                           const char *name)
{
    return snapshot_find_model(s->snapshot, str_from(name));
}

/* The i-th target of model `name`. */
static inline struct upstream_target *snapshots_target(const struct snapshots *s, const char *name,
                                                       size_t i)
{
    return snapshot_target(s->snapshot, snapshots_model(s, name), i);
}
