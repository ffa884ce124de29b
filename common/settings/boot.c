#include "settings/boot.h"

#include "io/daemon.h"
#include "io/log.h"
#include "io/log_files.h"
#include "settings/settings_files.h"

#include <stdio.h>

#define MAX_CONFIG   (1u << 20)
#define EXIT_REFUSED 2 /* the units know it: another try would end as this one did */

static int print_config(const struct settings *s)
{
    struct buf out;

    buf_init(&out, MAX_CONFIG);
    bool is_printed =
        settings_print(s, &out) == BUF_OK && fwrite(out.data, 1, out.len, stdout) == out.len;
    buf_done(&out);
    return is_printed ? 0 : 1;
}

static void warn(const char *text)
{
    log_warning("%s", text);
}

void boot_log(const char *name, const struct settings *s)
{
    log_init(name, s->logging.level, s->logging.format);
    log_files_configure(s->logging.files ? s->paths.logs : NULL);
    settings_files_find_exposed(s, warn);
}

static int serve(const struct boot_daemon *d, void *root, const char *config_path,
                 struct settings **settings)
{
    char why[512] = "";

    boot_log(d->name, *settings);
    daemon_harden();
    int r = d->start(root, config_path, settings, why, sizeof(why));
    if (r == 0)
        d->run(root);
    else
        log_error("cannot start: %s", why);
    d->stop(root);
    log_files_configure(NULL);
    log_close();
    return r == 0 ? 0 : 1;
}

static void print_warning(const char *text)
{
    fprintf(stderr, "%s\n", text);
}

static int check_files(const struct boot_daemon *d, const struct settings *s)
{
    char why[512];

    settings_files_find_exposed(s, print_warning);
    int r = settings_files_check(s, why, sizeof(why));
    if (r == 0 && d->check)
        r = d->check(s, why, sizeof(why));
    if (r != 0)
        fprintf(stderr, "%s\n", why);
    return r == 0 ? 0 : 1;
}

int boot_main(int argc, char **argv, const struct boot_daemon *d, void *root)
{
    struct daemon_options options;
    CLEANUP(settings_free) struct settings *settings = NULL;
    char why[512];
    int status;

    if (!daemon_parse_options(argc, argv, d->name, &options, &status))
        return status;
    if (settings_load(options.config_path, &settings, why, sizeof(why)) != 0) {
        fprintf(stderr, "%s\n", why);
        return options.check_config || options.print_config ? 1 : EXIT_REFUSED;
    }
    if (options.check_config)
        return check_files(d, settings);
    if (options.print_config)
        return print_config(settings);
    return serve(d, root, options.config_path, &settings);
}
