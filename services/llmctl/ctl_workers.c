#include "ctl_limits.h"
#include "ctl_show.h"

#include <stdio.h>

#define FOLDER   "/admin/workers/"
#define MAX_PATH 512

static int list(struct ctl_context *c, int argc, char **argv)
{
    static const struct ctl_table_column columns[] = {
        {"WORKER", "name"},       {"STATE", "state"},       {"USE", "use"},
        {"MODEL", "model"},       {"PROVIDER", "provider"}, {"DEVICE", "device"},
        {"PID", "pid"},           {"RUNNING", "in_flight"}, {"MEMORY", "memory_bytes"},
        {"RESTARTS", "restarts"}, {"REASON", "reason"},
    };

    (void)argv;
    if (argc > 0)
        return CTL_USAGE;
    return ctl_show_rows(c, "/admin/workers", columns, sizeof(columns) / sizeof(columns[0]));
}

static int ask(struct ctl_context *c, int argc, char **argv, const char *verb)
{
    char folder[MAX_PATH], path[MAX_PATH + 16];
    struct ctl_answer a;

    if (argc != 1 || !ctl_limits_path(FOLDER, argv[0], folder, sizeof(folder)))
        return CTL_USAGE;
    snprintf(path, sizeof(path), "%s/%s", folder, verb);
    if (!ctl_client_ask(c->client, "POST", path, STR_EMPTY, &a))
        return CTL_ERROR;
    if (c->is_json)
        ctl_show_raw(&a);
    else
        printf("asked\n");
    return CTL_OK;
}

static int start(struct ctl_context *c, int argc, char **argv)
{
    return ask(c, argc, argv, "start");
}

static int stop(struct ctl_context *c, int argc, char **argv)
{
    return ask(c, argc, argv, "stop");
}

static int drain(struct ctl_context *c, int argc, char **argv)
{
    return ask(c, argc, argv, "drain");
}

static int restart(struct ctl_context *c, int argc, char **argv)
{
    return ask(c, argc, argv, "restart");
}

const struct ctl_command ctl_workers_list_command = {"workers list", "",
                                                     "inference servers of this machine", list};
const struct ctl_command ctl_workers_start_command = {
    "workers start", "NAME", "start one, also one that was stopped or given up", start};
const struct ctl_command ctl_workers_stop_command = {
    "workers stop", "NAME", "stop one, after its stop_timeout with force", stop};
const struct ctl_command ctl_workers_drain_command = {
    "workers drain", "NAME", "stop one as soon as its requests are finished", drain};
const struct ctl_command ctl_workers_restart_command = {
    "workers restart", "NAME", "drain and stop one, then start it again", restart};
