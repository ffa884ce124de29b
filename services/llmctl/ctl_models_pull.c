#include "ctl_daemon.h"
#include "ctl_show.h"

#include "base/clock.h"
#include "base/json_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define POLL (500 * USEC_PER_MSEC)

struct pull {
    struct ctl_context *context;
    struct ctl_client *client;
    int64_t id;
    usec_t began_at;
    uint64_t bytes_at_first; /* UINT64_MAX: not seen yet */
    int told;                /* tenths, where there is no terminal */
    bool has_line;           /* one that is written over */
};

static bool read_options(int argc, char **argv, struct json_write *w)
{
    const char *model = NULL, *provider = NULL;

    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--allow-http") == 0)
            json_write_member_bool(w, "allow_http", true);
        else if (strcmp(argv[i], "--name") == 0 && i + 1 < argc)
            json_write_member(w, "name", argv[++i]);
        else if (strcmp(argv[i], "--sha256") == 0 && i + 1 < argc)
            json_write_member(w, "sha256", argv[++i]);
        else if (strcmp(argv[i], "--provider") == 0 && i + 1 < argc)
            provider = argv[++i];
        else if (argv[i][0] != '-' && !model)
            model = argv[i];
        else
            return false;
    }
    if (provider)
        json_write_member(w, "provider", provider);
    if (model)
        json_write_member(w, provider ? "model" : "url", model);
    return model != NULL;
}

static const struct json_value *find(const struct ctl_answer *a, int64_t id)
{
    const struct json_value *list = json_get(a->json, "pulls");
    int64_t n;

    for (const struct json_value *p = list ? list->child : NULL; p; p = p->next)
        if (json_int(json_get(p, "id"), &n) && n == id)
            return p;
    return NULL;
}

static uint64_t number(const struct json_value *p, const char *key)
{
    int64_t n;

    return json_int(json_get(p, key), &n) && n > 0 ? (uint64_t)n : 0;
}

static void print_line(struct pull *p, uint64_t bytes, uint64_t total)
{
    double seconds = (double)(clock_now() - p->began_at) / (double)USEC_PER_SEC;
    double rate = seconds > 0 ? (double)(bytes - p->bytes_at_first) / seconds : 0;

    if (total > 0)
        fprintf(stderr, "%.1f of %.1f MiB, %.0f %%, %.1f MiB/s", (double)bytes / 0x1p20,
                (double)total / 0x1p20, 100.0 * (double)bytes / (double)total, rate / 0x1p20);
    else
        fprintf(stderr, "%.1f MiB, %.1f MiB/s", (double)bytes / 0x1p20, rate / 0x1p20);
}

static void tell_progress(struct pull *p, const struct json_value *of)
{
    uint64_t bytes = number(of, "bytes"), total = number(of, "total");
    int tenths = total > 0 ? (int)(bytes * 10 / total) : 0;

    if (p->bytes_at_first == UINT64_MAX || bytes < p->bytes_at_first)
        p->bytes_at_first = bytes;
    if (isatty(STDERR_FILENO)) {
        fprintf(stderr, "\r\033[K");
        print_line(p, bytes, total);
        fflush(stderr);
        p->has_line = true;
    } else if (tenths > p->told) {
        p->told = tenths;
        print_line(p, bytes, total);
        fprintf(stderr, "\n");
    }
}

/* CTL_USAGE: not over yet. */
static int look(struct pull *p)
{
    struct ctl_answer a;
    struct str state = STR_EMPTY, error = STR_EMPTY;
    struct arena *arena = ctl_client_arena(p->client);

    arena_clear(arena);
    if (!ctl_client_ask(p->client, "GET", "/models", STR_EMPTY, &a))
        return CTL_ERROR;
    const struct json_value *of = find(&a, p->id);
    if (!of || !json_string(json_get(of, "state"), arena, &state))
        return CTL_ERROR;
    tell_progress(p, of);
    if (str_is(state, "queued") || str_is(state, "running"))
        return CTL_USAGE;
    if (p->has_line)
        fprintf(stderr, "\n");
    if (p->context->is_json)
        printf("%.*s\n", STR_ARG(of->raw));
    if (str_is(state, "done")) {
        if (!p->context->is_json)
            printf("done\n");
        return CTL_OK;
    }
    if (json_string(json_get(of, "error"), arena, &error) && error.len > 0)
        fprintf(stderr, "llmctl: %.*s: %.*s\n", STR_ARG(state), STR_ARG(error));
    else
        fprintf(stderr, "llmctl: %.*s\n", STR_ARG(state));
    return CTL_ERROR;
}

static int follow(struct pull *p)
{
    const struct timespec pause = {0, POLL * 1000};
    int status;

    while ((status = look(p)) == CTL_USAGE)
        nanosleep(&pause, NULL);
    return status;
}

static int run(struct ctl_context *c, int argc, char **argv)
{
    CLEANUP(ctl_client_free) struct ctl_client *client = NULL;
    struct ctl_answer a;
    struct json_write w;
    struct buf body;

    buf_init(&body, 16384);
    json_write_init(&w, &body);
    json_write_begin(&w, '{');
    bool is_read = read_options(argc, argv, &w);
    json_write_end(&w, '}');
    if (!is_read || json_write_finish(&w) != BUF_OK) {
        buf_done(&body);
        return CTL_USAGE;
    }
    bool is_begun = ctl_daemon_health(c, &client) &&
                    ctl_client_ask(client, "POST", "/models/pull", buf_str(&body), &a);
    buf_done(&body);
    if (!is_begun)
        return CTL_ERROR;
    struct pull p = {.context = c,
                     .client = client,
                     .id = (int64_t)number(a.json, "id"),
                     .began_at = clock_now(),
                     .bytes_at_first = UINT64_MAX};
    if (p.id > 0)
        return follow(&p);
    printf(c->is_json ? "{}\n" : "it is there already\n");
    return CTL_OK;
}

const struct ctl_command ctl_models_pull_command = {
    "models pull",
    "URL [--name FILE] [--sha256 HEX|sidecar] [--allow-http] | MODEL --provider NAME",
    "fetch a model to this machine, or let an Ollama fetch it", run};
