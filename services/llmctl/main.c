#include "ctl_command.h"
#include "settings/settings.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_CONFIG "/etc/llm-proxy/llm-proxy.yaml"
#define DEFAULT_SOCKET "/run/llm-proxy/admin.sock"

static const struct ctl_command *const commands[] = {
    &ctl_status_command,      &ctl_providers_command,    &ctl_models_command,
    &ctl_usage_command,       &ctl_keys_create_command,  &ctl_keys_list_command,
    &ctl_keys_revoke_command, &ctl_config_check_command, &ctl_config_reload_command,
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

struct arguments {
    const char *socket, *url, *token_file, *config;
    bool is_json;
    int argc; /* what is left, global options taken out wherever they stood */
    char **argv;
};

static void print_help(FILE *to)
{
    fprintf(to, "llmctl -- the operator's hand on llm-proxy, context-service and health-worker\n\n"
                "usage: llmctl [--json] [--socket PATH | --url URL --token-file FILE] "
                "[--config FILE] COMMAND …\n\n");
    for (size_t i = 0; i < N_COMMANDS; i++)
        fprintf(to, "  %-14s %s\n", commands[i]->name, commands[i]->help);
}

static const char **global_option(struct arguments *a, const char *name)
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

static bool take_globals(struct arguments *a, int argc, char **argv)
{
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

/* The words of a command's name that stand at the front of argv; 0: another command. */
static int match(const struct ctl_command *command, const struct arguments *a)
{
    struct str rest = str_from(command->name), word;
    int n = 0;

    while (str_cut(&rest, ' ', &word)) {
        if (n == a->argc || !str_is(word, a->argv[n]))
            return 0;
        n++;
    }
    return n;
}

/* The socket of the configuration at hand; the packaged place when there is none. */
static const char *find_socket(const struct arguments *a, char *to, size_t size)
{
    CLEANUP(settings_free) struct settings *s = NULL;
    char why[512];

    if (a->socket)
        return a->socket;
    if (settings_load(a->config, &s, why, sizeof(why)) != 0)
        return DEFAULT_SOCKET;
    snprintf(to, size, "%s/admin.sock", s->paths.runtime);
    return to;
}

static int run(const struct ctl_command *command, const struct arguments *a, int n_words)
{
    struct ctl_context c = {.is_json = a->is_json, .config_path = a->config};
    char socket[512], why[256] = "";

    if (ctl_client_new(find_socket(a, socket, sizeof(socket)), a->url, a->token_file, &c.client,
                       why, sizeof(why)) < 0) {
        fprintf(stderr, "llmctl: %s\n", why);
        return CTL_ERROR;
    }
    int status = command->run(&c, a->argc - n_words, a->argv + n_words);
    if (status == CTL_USAGE)
        fprintf(stderr, "usage: llmctl %s %s\n", command->name, command->usage);
    ctl_client_free(&c.client);
    return status;
}

int main(int argc, char **argv)
{
    struct arguments a = {.config = DEFAULT_CONFIG};

    signal(SIGPIPE, SIG_IGN);
    if (!take_globals(&a, argc, argv) || a.argc == 0) {
        print_help(stderr);
        return CTL_USAGE;
    }
    if (strcmp(a.argv[0], "--help") == 0 || strcmp(a.argv[0], "help") == 0) {
        print_help(stdout);
        return CTL_OK;
    }
    if (strcmp(a.argv[0], "--version") == 0) {
        printf("llmctl %s\n", SUITE_VERSION);
        return CTL_OK;
    }
    for (size_t i = 0; i < N_COMMANDS; i++) {
        int n_words = match(commands[i], &a);
        if (n_words > 0)
            return run(commands[i], &a, n_words);
    }
    fprintf(stderr, "llmctl: unknown command '%s'\n\n", a.argv[0]);
    print_help(stderr);
    return CTL_USAGE;
}
