#include "ctl_show.h"

#include <stdio.h>

#define PATH "/admin/cache"

static void print_total(const struct ctl_answer *a, const char *name)
{
    const struct json_value *v = json_get(a->json, name);

    if (v)
        printf("%-12s %.*s\n", name, STR_ARG(v->raw));
}

static int stats(struct ctl_context *c, int argc, char **argv)
{
    static const struct ctl_table_column columns[] = {
        {"LAYER", "layer"},   {"AVAILABLE", "available"}, {"ENTRIES", "entries"},
        {"BYTES", "bytes"},   {"MAX BYTES", "max_bytes"}, {"HITS", "hits"},
        {"MISSES", "misses"}, {"EVICTIONS", "evictions"},
    };
    struct ctl_answer a;

    (void)argv;
    if (argc > 0)
        return CTL_USAGE;
    if (!ctl_client_ask(c->client, "GET", PATH, STR_EMPTY, &a))
        return CTL_ERROR;
    if (c->is_json) {
        ctl_show_raw(&a);
        return CTL_OK;
    }
    ctl_table_print(json_get(a.json, "layers"), columns, sizeof(columns) / sizeof(columns[0]));
    print_total(&a, "hits");
    print_total(&a, "misses");
    print_total(&a, "waiting");
    print_total(&a, "savings_usd");
    return CTL_OK;
}

static int clear(struct ctl_context *c, int argc, char **argv)
{
    struct ctl_answer a;

    (void)argv;
    if (argc > 0)
        return CTL_USAGE;
    if (!ctl_client_ask(c->client, "DELETE", PATH, STR_EMPTY, &a))
        return CTL_ERROR;
    if (c->is_json)
        ctl_show_raw(&a);
    else
        printf("cleared\n");
    return CTL_OK;
}

const struct ctl_command ctl_cache_stats_command = {"cache stats", "",
                                                    "answers given again, layer by layer", stats};
const struct ctl_command ctl_cache_clear_command = {
    "cache clear", "", "no answer given until now is given again", clear};
