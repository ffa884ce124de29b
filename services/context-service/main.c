#include "context_service.h"
#include "io/daemon.h"
#include "io/log.h"
#include "settings/settings.h"

#include <stdio.h>

#define NAME "context-service"

static int print_config(const struct settings *s)
{
    struct buf out;

    buf_init(&out, 1u << 20);
    bool is_printed =
        settings_print(s, &out) == BUF_OK && fwrite(out.data, 1, out.len, stdout) == out.len;
    buf_done(&out);
    return is_printed ? 0 : 1;
}

static int serve(const char *config_path, struct settings **settings)
{
    struct context_service service;
    char why[512];

    log_init(NAME, (*settings)->logging.level, (*settings)->logging.format);
    daemon_harden();
    int r = context_service_start(&service, config_path, settings, why, sizeof(why));
    if (r == 0)
        context_service_run(&service);
    else
        log_error("cannot start: %s", why);
    context_service_stop(&service);
    log_close();
    return r == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct daemon_options options;
    CLEANUP(settings_free) struct settings *settings = NULL;
    char why[512];
    int status;

    if (!daemon_parse_options(argc, argv, NAME, &options, &status))
        return status;
    if (settings_load(options.config_path, &settings, why, sizeof(why)) != 0) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    if (options.check_config)
        return 0;
    return options.print_config ? print_config(settings) : serve(options.config_path, &settings);
}
