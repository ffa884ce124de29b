#include "ctl_show.h"
#include "ctl_status_page.h"
#include "ctl_watch.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define PATH "/cluster/status"

static void write_time(FILE *to)
{
    time_t now = time(NULL);
    struct tm t;
    char text[64];

    if (localtime_r(&now, &t) && strftime(text, sizeof(text), "%F %T", &t) > 0)
        fprintf(to, "%s  ", text);
}

static void write_page(void *arg, FILE *to)
{
    struct ctl_context *c = arg;
    struct ctl_answer a;
    char why[512];

    write_time(to);
    fprintf(to, "(Ctrl-C ends)\n\n");
    if (ctl_client_try(c->client, PATH, &a, why, sizeof(why)))
        ctl_status_page_write(to, ctl_client_arena(c->client), a.json);
    else
        fprintf(to, "%s\n", why);
    ctl_client_forget(c->client);
}

static void write_line(void *arg, FILE *to)
{
    struct ctl_context *c = arg;
    struct ctl_answer a;
    char why[512];
    bool is_good = ctl_client_try(c->client, PATH, &a, why, sizeof(why));

    if (!is_good && c->is_json) {
        fprintf(stderr, "llmctl: %s\n", why);
    } else if (c->is_json) {
        fprintf(to, "%.*s\n", STR_ARG(a.body));
    } else {
        write_time(to);
        if (is_good)
            ctl_status_page_line(to, ctl_client_arena(c->client), a.json);
        else
            fprintf(to, "%s\n", why);
    }
    ctl_client_forget(c->client);
}

static int watch(struct ctl_context *c)
{
    const struct ctl_watch w = {write_page, write_line, c, c->is_json};

    ctl_watch_run(&w);
    return CTL_OK;
}

static int run(struct ctl_context *c, int argc, char **argv)
{
    struct ctl_answer a;

    if (argc == 1 && strcmp(argv[0], "--watch") == 0)
        return watch(c);
    if (argc > 0)
        return CTL_USAGE;
    if (!ctl_client_ask(c->client, "GET", PATH, STR_EMPTY, &a))
        return CTL_ERROR;
    if (c->is_json)
        ctl_show_raw(&a);
    else
        ctl_status_page_write(stdout, ctl_client_arena(c->client), a.json);
    return CTL_OK;
}

const struct ctl_command ctl_status_command = {"status", "[--watch]", "the suite at a glance", run};
