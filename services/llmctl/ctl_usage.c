#include "ctl_show.h"

#include <stdio.h>
#include <string.h>

static bool is_plain(const char *text)
{
    return text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789,")] == '\0';
}

static int run(struct ctl_context *c, int argc, char **argv)
{
    static const struct ctl_table_column columns[] = {
        {"KEY", "key"},
        {"MODEL", "model"},
        {"PROVIDER", "provider"},
        {"DAY", "day"},
        {"REQUESTS", "requests"},
        {"TOKENS IN", "tokens_in"},
        {"TOKENS OUT", "tokens_out"},
        {"COST USD", "cost_usd"},
        {"UNPRICED", "unpriced"},
    };
    const char *by = "", *since = "";
    char path[512];

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
    if (!is_plain(by) || !is_plain(since))
        return CTL_USAGE;
    snprintf(path, sizeof(path), "/admin/usage?by=%s&since=%s", by, since);
    return ctl_show_rows(c, path, columns, sizeof(columns) / sizeof(columns[0]));
}

const struct ctl_command ctl_usage_command = {
    "usage", "[--by key,model,provider,day] [--since 24h]", "requests, tokens and cost", run};
