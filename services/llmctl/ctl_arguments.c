#include "ctl_arguments.h"

#include "settings/settings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_CONFIG "/etc/llm-proxy/llm-proxy.yaml"
#define DEFAULT_SOCKET "/run/llm-proxy/admin.sock"

static const char **global_option(struct ctl_arguments *a, const char *name)
{
    if (strcmp(name, "--socket") == 0)
        return &a->socket;
    if (strcmp(name, "--url") == 0)
        return &a->url;
    if (strcmp(name, "--token-file") == 0)
        return &a->token_file;
    if (strcmp(name, "--config") == 0)
        return &a->config;
    return NULL;
}

bool ctl_arguments_parse(struct ctl_arguments *a, int argc, char **argv)
{
    *a = (struct ctl_arguments){.config = DEFAULT_CONFIG};
    for (int i = 1; i < argc; i++) {
        const char **value = global_option(a, argv[i]);
        if (value && i + 1 == argc)
            return false;
        if (value)
            *value = argv[++i];
        else if (strcmp(argv[i], "--json") == 0)
            a->is_json = true;
        else
            argv[a->argc++] = argv[i];
    }
    a->argv = argv;
    return true;
}

int ctl_arguments_socket(const struct ctl_arguments *a, char *to, size_t size, char *reterr,
                         size_t reterr_size)
{
    CLEANUP(settings_free) struct settings *s = NULL;

    if (a->socket) {
        snprintf(to, size, "%s", a->socket);
        return 0;
    }
    if (settings_load(a->config, &s, reterr, reterr_size) == 0) {
        snprintf(to, size, "%s/admin.sock", s->paths.runtime);
        return 0;
    }
    snprintf(to, size, "%s", DEFAULT_SOCKET);
    return strcmp(a->config, DEFAULT_CONFIG) == 0 ? 0 : -EINVAL;
}
