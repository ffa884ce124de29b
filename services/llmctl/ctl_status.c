#include "ctl_show.h"

#include <stdio.h>

static void print_member(struct ctl_context *c, const struct json_value *v, const char *title,
                         const char *path)
{
    const struct json_value *member = json_at(v, path);
    struct str s;

    if (!member)
        return;
    if (!json_string(member, ctl_client_arena(c->client), &s))
        s = member->raw;
    printf("%-22s %.*s\n", title, STR_ARG(s));
}

static int run(struct ctl_context *c, int argc, char **argv)
{
    static const struct ctl_table_column columns[] = {
        {"PROVIDER", "name"},     {"HEALTH", "health"},   {"BREAKER", "breaker"},
        {"RUNNING", "in_flight"}, {"WAITING", "waiting"}, {"LATENCY MS", "latency_ms"},
    };
    struct ctl_answer a;

    (void)argv;
    if (argc > 0)
        return CTL_USAGE;
    if (!ctl_client_ask(c->client, "GET", "/cluster/status", STR_EMPTY, &a))
        return CTL_ERROR;
    if (c->is_json) {
        ctl_show_raw(&a);
        return CTL_OK;
    }
    print_member(c, a.json, "llm-proxy", "proxy.state");
    print_member(c, a.json, "version", "proxy.version");
    print_member(c, a.json, "uptime s", "proxy.uptime_seconds");
    print_member(c, a.json, "threads", "proxy.threads");
    print_member(c, a.json, "configuration", "proxy.config_generation");
    print_member(c, a.json, "last reload good", "proxy.config_last_reload_successful");
    print_member(c, a.json, "ledger available", "proxy.ledger_available");
    print_member(c, a.json, "health-worker age s", "health_worker.age_seconds");
    printf("\n");
    ctl_table_print(json_get(a.json, "providers"), columns, sizeof(columns) / sizeof(columns[0]));
    return CTL_OK;
}

const struct ctl_command ctl_status_command = {"status", "", "the suite at a glance", run};
