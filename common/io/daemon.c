#include "io/daemon.h"

#include "io/address.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>

#define CONFIG_PATH "/etc/llm-proxy/llm-proxy.yaml"
#define MAX_STATUS  512

struct daemon_watchdog {
    struct loop_timer timer;
    usec_t period;
};

static const struct {
    const char *name, *argument, *help;
} help_lines[] = {
    {"config", " FILE", "the configuration; default " CONFIG_PATH},
    {"check-config", "", "check it and the files it names, say what is wrong, and exit"},
    {"print-config", "", "print the values in effect, without secrets, and exit"},
    {"version", "", "print the version and exit"},
    {"help", "", "print this and exit"},
};

static const struct option options[] = {
    {"config", required_argument, NULL, 'c'}, {"check-config", no_argument, NULL, 'k'},
    {"print-config", no_argument, NULL, 'p'}, {"version", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},         {0},
};

static void print_usage(FILE *out, const char *name)
{
    fprintf(out, "usage: %s [option]…\n", name);
    for (size_t i = 0; i < sizeof(help_lines) / sizeof(help_lines[0]); i++)
        fprintf(out, "  --%s%-*s %s\n", help_lines[i].name,
                15 - (int)__builtin_strlen(help_lines[i].name), help_lines[i].argument,
                help_lines[i].help);
}

/* True to go on with the next option. */
static bool take_option(int c, const char *name, struct daemon_options *ret, int *ret_status)
{
    switch (c) {
    case 'c':
        ret->config_path = optarg;
        return true;
    case 'k':
        ret->check_config = true;
        return true;
    case 'p':
        ret->print_config = true;
        return true;
    case 'v':
        printf("%s %s\n", name, SUITE_VERSION);
        *ret_status = 0;
        return false;
    case 'h':
        print_usage(stdout, name);
        *ret_status = 0;
        return false;
    default:
        print_usage(stderr, name);
        *ret_status = 2;
        return false;
    }
}

bool daemon_parse_options(int argc, char **argv, const char *name, struct daemon_options *ret,
                          int *ret_status)
{
    int c;

    *ret = (struct daemon_options){.config_path = CONFIG_PATH};
    optind = 0;
    while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0)
        if (!take_option(c, name, ret, ret_status))
            return false;
    if (optind == argc)
        return true;
    fprintf(stderr, "%s: unexpected argument '%s'\n", name, argv[optind]);
    return take_option('?', name, ret, ret_status);
}

void daemon_harden(void)
{
    struct rlimit no_core = {0, 0}, files;

    prctl(PR_SET_DUMPABLE, 0);
    setrlimit(RLIMIT_CORE, &no_core);
    signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

unsigned daemon_max_connections(unsigned wanted, unsigned reserved)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur >= wanted + reserved)
        return wanted;
    return (unsigned)(files.rlim_cur > 2 * reserved ? files.rlim_cur - reserved
                                                    : files.rlim_cur / 2);
}

/* A line end in a status would begin a new assignment. */
static const char *clean(char *text)
{
    for (char *p = text; *p; p++)
        if (*p == '\n' || *p == '\r')
            *p = ' ';
    return text;
}

void daemon_notify_ready(const char *status)
{
    char text[MAX_STATUS];

    snprintf(text, sizeof(text), "%s", status);
    sd_notifyf(0, "READY=1\nSTATUS=%s", clean(text));
}

/* MONOTONIC_USEC makes the same daemon fit Type=notify-reload of later systemds. */
void daemon_notify_reloading(void)
{
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\nSTATUS=Reloading", clock_now());
}

void daemon_notify_stopping(void)
{
    sd_notify(0, "STOPPING=1\nSTATUS=Stopping");
}

static void on_watchdog_timer(void *arg)
{
    struct daemon_watchdog *w = arg;

    sd_notify(0, "WATCHDOG=1");
    loop_timer_start(&w->timer, w->period);
}

struct daemon_watchdog *daemon_watchdog_new(struct loop *l)
{
    uint64_t limit;

    if (sd_watchdog_enabled(0, &limit) <= 0)
        return NULL;
    struct daemon_watchdog *w = calloc(1, sizeof(*w));
    if (!w)
        abort();
    w->period = limit / 2;
    loop_timer_init(&w->timer, l, on_watchdog_timer, w);
    on_watchdog_timer(w);
    return w;
}

void daemon_watchdog_free(struct daemon_watchdog **w)
{
    if (!*w)
        return;
    loop_timer_stop(&(*w)->timer);
    free(*w);
    *w = NULL;
}

int daemon_local_address(int fd, char *ret_text, size_t size)
{
    struct address a = {.len = sizeof(a.bytes)};

    if (getsockname(fd, (struct sockaddr *)&a.bytes, &a.len) < 0)
        return -errno;
    return address_format(&a, ret_text, size) ? 0 : -ENOBUFS;
}
