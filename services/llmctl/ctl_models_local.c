#include "ctl_daemon.h"
#include "ctl_show.h"

#include <stdio.h>

static void show(const struct ctl_answer *a)
{
    static const struct ctl_table_column models[] = {
        {"NAME", "name"},      {"PROVIDER", "provider"}, {"BYTES", "bytes"},
        {"THERE", "is_there"}, {"VERIFIED", "verified"}, {"SHA256", "sha256"},
        {"FROM", "source"}};
    static const struct ctl_table_column pulls[] = {{"PULL", "id"},     {"NAME", "name"},
                                                    {"STATE", "state"}, {"BYTES", "bytes"},
                                                    {"OF", "total"},    {"ERROR", "error"}};

    ctl_table_print(json_get(a->json, "models"), models, sizeof(models) / sizeof(models[0]));
    printf("\n");
    ctl_table_print(json_get(a->json, "pulls"), pulls, sizeof(pulls) / sizeof(pulls[0]));
}

static int run(struct ctl_context *c, int argc, char **argv)
{
    CLEANUP(ctl_client_free) struct ctl_client *client = NULL;
    struct ctl_answer a;

    (void)argv;
    if (argc > 0)
        return CTL_USAGE;
    if (!ctl_daemon_health(c, &client) || !ctl_client_ask(client, "GET", "/models", STR_EMPTY, &a))
        return CTL_ERROR;
    if (c->is_json)
        ctl_show_raw(&a);
    else
        show(&a);
    return CTL_OK;
}

const struct ctl_command ctl_models_local_command = {
    "models local", "", "models fetched to this machine, and downloads", run};
