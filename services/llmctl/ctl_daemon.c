#include "ctl_daemon.h"

#include "settings/settings.h"

/* NULL: there is no configuration that can be read. */
static struct settings *read_settings(const struct ctl_context *c)
{
    struct settings *s = NULL;
    char why[512];

    return settings_load(c->config_path, &s, why, sizeof(why)) == 0 ? s : NULL;
}

bool ctl_daemon_context(const struct ctl_context *c, struct ctl_client **ret)
{
    CLEANUP(settings_free) struct settings *s = read_settings(c);

    return ctl_client_connect(s ? s->context.listen : "127.0.0.1:8081", "context-service", ret);
}

bool ctl_daemon_health(const struct ctl_context *c, struct ctl_client **ret)
{
    CLEANUP(settings_free) struct settings *s = read_settings(c);

    return ctl_client_connect(s ? s->health.listen : "127.0.0.1:8082", "health-worker", ret);
}
