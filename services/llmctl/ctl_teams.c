#include "ctl_limits.h"
#include "ctl_show.h"

#include <stdio.h>

#define FOLDER   "/admin/teams/"
#define MAX_PATH 512
#define MAX_BODY (64u << 10)

static int change(struct ctl_context *c, const char *question[2], int argc, char **argv)
{
    CLEANUP(buf_done) struct buf body;
    struct ctl_answer a;

    buf_init(&body, MAX_BODY);
    if (argc == 0 || !ctl_limits_write(argc, argv, &body))
        return CTL_USAGE;
    if (!ctl_client_ask(c->client, question[0], question[1], buf_str(&body), &a))
        return CTL_ERROR;
    if (c->is_json)
        ctl_show_raw(&a);
    else
        printf("done\n");
    return CTL_OK;
}

static int create(struct ctl_context *c, int argc, char **argv)
{
    const char *question[] = {"POST", "/admin/teams"};

    return change(c, question, argc, argv);
}

static int update(struct ctl_context *c, int argc, char **argv)
{
    char path[MAX_PATH];
    const char *question[] = {"PATCH", path};

    if (argc < 1 || !ctl_limits_path(FOLDER, argv[0], path, sizeof(path)))
        return CTL_USAGE;
    return change(c, question, argc - 1, argv + 1);
}

static int list(struct ctl_context *c, int argc, char **argv)
{
    static const struct ctl_table_column columns[] = {
        {"NAME", "name"},         {"RPM", "rpm"},           {"TPM", "tpm"},
        {"PARALLEL", "parallel"}, {"BUDGET", "budget_usd"}, {"SPENT", "spent_usd"},
    };

    (void)argv;
    if (argc > 0)
        return CTL_USAGE;
    return ctl_show_rows(c, "/admin/teams", columns, sizeof(columns) / sizeof(columns[0]));
}

static int show(struct ctl_context *c, int argc, char **argv)
{
    char path[MAX_PATH];

    if (argc != 1 || !ctl_limits_path(FOLDER, argv[0], path, sizeof(path)))
        return CTL_USAGE;
    return ctl_show_object(c, path);
}

#define LIMITS                                                                                     \
    "[--budget USD] [--budget-daily USD] [--budget-monthly USD] [--zone Europe/Berlin] [--rpm N] " \
    "[--tpm N] [--parallel N]"

const struct ctl_command ctl_teams_create_command = {
    "teams create", "--name NAME " LIMITS, "make a team; its limits hold for its keys together",
    create};
const struct ctl_command ctl_teams_list_command = {"teams list", "", "every team", list};
const struct ctl_command ctl_teams_show_command = {"teams show", "NAME",
                                                   "one team: its limits and what is used", show};
const struct ctl_command ctl_teams_update_command = {"teams update",
                                                     "NAME " LIMITS " (none takes a limit away)",
                                                     "change limits of a team, at once", update};
