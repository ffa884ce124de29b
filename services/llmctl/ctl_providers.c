#include "ctl_show.h"

static int run(struct ctl_context *c, int argc, char **argv)
{
    static const struct ctl_table_column columns[] = {
        {"PROVIDER", "name"},       {"DIALECT", "dialect"},       {"BACKEND", "backend"},
        {"NODE", "node"},           {"HEALTH", "health"},         {"BREAKER", "breaker"},
        {"AVAILABLE", "available"}, {"RUNNING", "in_flight"},     {"WAITING", "waiting"},
        {"PLACES", "max_parallel"}, {"LATENCY MS", "latency_ms"},
    };

    (void)argv;
    if (argc > 0)
        return CTL_USAGE;
    return ctl_show_rows(c, "/admin/providers", columns, sizeof(columns) / sizeof(columns[0]));
}

const struct ctl_command ctl_providers_command = {
    "providers", "", "health, breaker and load of every provider", run};
