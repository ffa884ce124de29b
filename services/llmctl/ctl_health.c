#include "ctl_health.h"

#include "settings/settings.h"

#include <stdio.h>
#include <string.h>

#define DEFAULT_LISTEN "127.0.0.1:8082"

/* An address that means all of them is not one to go to. */
static void write_url(const char *listen, char *to, size_t size)
{
    const char *port = strrchr(listen, ':');

    if (strncmp(listen, "unix:", 5) == 0)
        snprintf(to, size, "%s", listen);
    else if (strncmp(listen, "0.0.0.0:", 8) == 0 || strncmp(listen, "[::]:", 5) == 0)
        snprintf(to, size, "http://127.0.0.1%s", port);
    else
        snprintf(to, size, "http://%s", listen);
}

bool ctl_health_connect(const struct ctl_context *c, struct ctl_client **ret)
{
    CLEANUP(settings_free) struct settings *s = NULL;
    char url[512], why[512] = "";

    bool has_settings = settings_load(c->config_path, &s, why, sizeof(why)) == 0;
    write_url(has_settings ? s->health.listen : DEFAULT_LISTEN, url, sizeof(url));
    why[0] = '\0';
    if (ctl_client_new(NULL, url, NULL, ret, why, sizeof(why)) < 0) {
        fprintf(stderr, "llmctl: %s\n", why);
        return false;
    }
    ctl_client_set_peer(*ret, "health-worker");
    return true;
}
