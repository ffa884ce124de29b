#include "ctl_show.h"

static int run(struct ctl_context *c, int argc, char **argv)
{
    static const struct ctl_table_column columns[] = {
        {"MODEL", "name"},
        {"STRATEGY", "strategy"},
        {"CONTEXT", "context_window"},
        {"FIRST TARGET", "targets.0.provider"},
        {"AS", "targets.0.model"},
        {"FALLBACK", "fallback"},
    };

    (void)argv;
    if (argc > 0)
        return CTL_USAGE;
    return ctl_show_rows(c, "/admin/models", columns, sizeof(columns) / sizeof(columns[0]));
}

const struct ctl_command ctl_models_command = {"models", "", "what callers may ask for", run};
