#include "ctl_health.h"

#include "settings/settings.h"

#define DEFAULT_LISTEN "127.0.0.1:8082"

bool ctl_health_connect(const struct ctl_context *c, struct ctl_client **ret)
{
    CLEANUP(settings_free) struct settings *s = NULL;
    char why[512];
    bool has_settings = settings_load(c->config_path, &s, why, sizeof(why)) == 0;

    return ctl_client_connect(has_settings ? s->health.listen : DEFAULT_LISTEN, "health-worker",
                              ret);
}
