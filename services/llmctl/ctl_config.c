#include "ctl_show.h"
#include "settings/settings.h"

#include <stdio.h>

static int check(struct ctl_context *c, int argc, char **argv)
{
    CLEANUP(settings_free) struct settings *s = NULL;
    const char *path = argc > 0 ? argv[0] : c->config_path;
    char why[512];

    if (argc > 1)
        return CTL_USAGE;
    if (settings_load(path, &s, why, sizeof(why)) != 0) {
        fprintf(stderr, "%s\n", why);
        return CTL_ERROR;
    }
    printf("%s: ok\n", path);
    return CTL_OK;
}

static int reload(struct ctl_context *c, int argc, char **argv)
{
    struct ctl_answer a;

    (void)argv;
    if (argc > 0)
        return CTL_USAGE;
    if (!ctl_client_ask(c->client, "POST", "/admin/config/reload", STR_EMPTY, &a))
        return CTL_ERROR;
    if (c->is_json)
        ctl_show_raw(&a);
    else
        printf("reloaded\n");
    return CTL_OK;
}

const struct ctl_command ctl_config_check_command = {"config check", "[FILE]",
                                                     "is the configuration file right?", check};
const struct ctl_command ctl_config_reload_command = {
    "config reload", "", "put the configuration file in force, or keep the old one", reload};
