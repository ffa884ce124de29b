#include "ctl_status_page.h"

#include "ctl_table.h"

#include <inttypes.h>

static const struct ctl_table_column services[] = {{"SERVICE", "name"}, {"STATE", "state"}};

static const struct ctl_table_column providers[] = {
    {"PROVIDER", "name"},       {"NODE", "node"},
    {"HEALTH", "health"},       {"BREAKER", "breaker"},
    {"AVAILABLE", "available"}, {"RUNNING", "in_flight"},
    {"WAITING", "waiting"},     {"LATENCY MS", "latency_ms"},
};

static const struct ctl_table_column nodes[] = {
    {"NODE", "node_id"},
    {"STATUS", "status"},
    {"HEARD S AGO", "age_seconds"},
    {"REQUESTS", "active_requests"},
    {"MEMORY FREE", "host.memory_available_bytes"},
    {"OF", "host.memory_total_bytes"},
    {"DISK FREE", "host.disk_available_bytes"},
    {"PROBLEM", "problem"},
};

static const struct ctl_table_column workers[] = {
    {"WORKER", "name"},       {"NODE", "node_id"},
    {"STATE", "state"},       {"DEVICE", "device"},
    {"PID", "pid"},           {"RUNNING", "in_flight"},
    {"RESTARTS", "restarts"}, {"MEMORY", "memory_bytes"},
    {"REASON", "reason"},
};

static const struct ctl_table_column gpus[] = {
    {"GPU", "gpu_id"},
    {"NODE", "node_id"},
    {"NAME", "name"},
    {"BUSY %", "utilization_percent"},
    {"MEMORY", "memory_used_bytes"},
    {"OF", "memory_total_bytes"},
    {"HEAT C", "temperature_celsius"},
    {"POWER W", "power_watts"},
    {"SLOWED BY", "throttled"},
};

#define TABLE(name, list)                                                                          \
    {                                                                                              \
        name, list, sizeof(list) / sizeof((list)[0])                                               \
    }

static const struct {
    const char *path;
    const struct ctl_table_column *columns;
    unsigned n;
} tables[] = {
    TABLE("services", services), TABLE("providers", providers), TABLE("nodes", nodes),
    TABLE("workers", workers),   TABLE("gpus", gpus),
};

static struct str text_at(struct arena *a, const struct json_value *status, const char *path)
{
    const struct json_value *v = json_at(status, path);
    struct str s = STR("-");

    if (v && !json_string(v, a, &s))
        s = v->raw;
    return s;
}

static void write_uptime(FILE *to, const struct json_value *status)
{
    int64_t s = 0;

    if (!json_int(json_at(status, "proxy.uptime_seconds"), &s))
        return;
    if (s >= 86400)
        fprintf(to, ", up %" PRId64 " d %" PRId64 " h", s / 86400, s / 3600 % 24);
    else
        fprintf(to, ", up %" PRId64 ":%02" PRId64 ":%02" PRId64, s / 3600, s / 60 % 60, s % 60);
}

static bool is_false(const struct json_value *status, const char *path)
{
    return json_is(json_at(status, path), JSON_FALSE);
}

void ctl_status_page_write(FILE *to, struct arena *a, const struct json_value *status)
{
    fprintf(to, "llm-proxy %.*s is %.*s", STR_ARG(text_at(a, status, "proxy.version")),
            STR_ARG(text_at(a, status, "proxy.state")));
    write_uptime(to, status);
    fprintf(to, ", %.*s threads, configuration %.*s%s%s\n",
            STR_ARG(text_at(a, status, "proxy.threads")),
            STR_ARG(text_at(a, status, "proxy.config_generation")),
            is_false(status, "proxy.config_last_reload_successful")
                ? ", THE LAST RELOAD WAS REJECTED"
                : "",
            is_false(status, "proxy.ledger_available") ? ", THE LEDGER CANNOT BE WRITTEN" : "");
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        const struct json_value *rows = json_get(status, tables[i].path);
        if (!json_is(rows, JSON_ARRAY) || rows->n_children == 0)
            continue;
        fprintf(to, "\n");
        ctl_table_write(to, rows, tables[i].columns, tables[i].n);
    }
}

/* How many of the objects of a list say `word` of themselves; NULL: true. */
static unsigned count(struct arena *a, const struct json_value *list, const char *key,
                      const char *word)
{
    unsigned n = 0;

    if (!json_is(list, JSON_ARRAY))
        return 0;
    for (const struct json_value *one = list->child; one; one = one->next) {
        const struct json_value *v = json_get(one, key);
        struct str s;
        n += word ? json_string(v, a, &s) && str_is(s, word) : json_is(v, JSON_TRUE);
    }
    return n;
}

static unsigned length(const struct json_value *list)
{
    return json_is(list, JSON_ARRAY) ? list->n_children : 0;
}

static int64_t sum(const struct json_value *list, const char *key)
{
    int64_t all = 0, n;

    if (!json_is(list, JSON_ARRAY))
        return 0;
    for (const struct json_value *one = list->child; one; one = one->next)
        if (json_int(json_get(one, key), &n))
            all += n;
    return all;
}

void ctl_status_page_line(FILE *to, struct arena *a, const struct json_value *status)
{
    const struct json_value *s = json_get(status, "services"), *p = json_get(status, "providers");
    const struct json_value *n = json_get(status, "nodes"), *w = json_get(status, "workers");

    fprintf(to,
            "llm-proxy is %.*s; services healthy %u/%u, providers available %u/%u, nodes healthy "
            "%u/%u; requests running %" PRId64 ", waiting %" PRId64 "; workers serving %u/%u\n",
            STR_ARG(text_at(a, status, "proxy.state")), count(a, s, "state", "healthy"), length(s),
            count(a, p, "available", NULL), length(p), count(a, n, "status", "healthy"), length(n),
            sum(p, "in_flight"), sum(p, "waiting"), count(a, w, "use", "ready"), length(w));
}
