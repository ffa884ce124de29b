#include "ctl_limits.h"
#include "ctl_show.h"

#include <stdio.h>
#include <string.h>

static int run(struct ctl_context *c, int argc, char **argv)
{
    static const struct ctl_table_column columns[] = {
        {"KEY", "key"},
        {"NAME", "key_name"},
        {"MODEL", "model"},
        {"PROVIDER", "provider"},
        {"DAY", "day"},
        {"REQUESTS", "requests"},
        {"TOKENS IN", "tokens_in"},
        {"TOKENS OUT", "tokens_out"},
        {"COST USD", "cost_usd"},
        {"UNPRICED", "unpriced"},
    };
    const char *by = "key,model,provider,day", *since = "0";
    char path[512], folder[sizeof(path) + 8];

    for (int i = 0; i < argc; i += 2) {
        if (i + 1 == argc)
            return CTL_USAGE;
        if (strcmp(argv[i], "--by") == 0)
            by = argv[i + 1];
        else if (strcmp(argv[i], "--since") == 0)
            since = argv[i + 1];
        else
            return CTL_USAGE;
    }
    if (!ctl_limits_path("/admin/usage?by=", by, path, sizeof(path) - strlen("&since=")))
        return CTL_USAGE;
    snprintf(folder, sizeof(folder), "%s&since=", path);
    if (!ctl_limits_path(folder, since, path, sizeof(path)))
        return CTL_USAGE;
    return ctl_show_rows(c, path, columns, sizeof(columns) / sizeof(columns[0]));
}

const struct ctl_command ctl_usage_command = {
    "usage", "[--by key,model,provider,day] [--since 24h]", "requests, tokens and cost", run};
