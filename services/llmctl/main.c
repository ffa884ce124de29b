#include "ctl_arguments.h"
#include "ctl_command.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct ctl_command *const commands[] = {
    &ctl_status_command,        &ctl_providers_command,        &ctl_models_local_command,
    &ctl_models_pull_command,   &ctl_models_command,           &ctl_usage_command,
    &ctl_keys_create_command,   &ctl_keys_list_command,        &ctl_keys_show_command,
    &ctl_keys_update_command,   &ctl_keys_rotate_command,      &ctl_keys_revoke_command,
    &ctl_teams_create_command,  &ctl_teams_list_command,       &ctl_teams_show_command,
    &ctl_teams_update_command,  &ctl_config_check_command,     &ctl_config_reload_command,
    &ctl_route_explain_command, &ctl_audit_verify_command,     &ctl_audit_tail_command,
    &ctl_audit_prune_command,   &ctl_prices_list_command,      &ctl_prices_import_command,
    &ctl_cache_stats_command,   &ctl_cache_clear_command,      &ctl_tokens_import_command,
    &ctl_bus_keygen_command,    &ctl_workers_list_command,     &ctl_workers_start_command,
    &ctl_workers_stop_command,  &ctl_workers_drain_command,    &ctl_workers_restart_command,
    &ctl_context_count_command, &ctl_context_condense_command, &ctl_context_retrieve_command,
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static bool is_of(const struct ctl_command *command, struct str group)
{
    struct str rest = str_from(command->name), word;

    return group.len == 0 || (str_cut(&rest, ' ', &word) && str_equal(word, group));
}

/* The commands that begin with this word, or all when it is empty. */
static void print_commands(FILE *to, struct str group)
{
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (is_of(commands[i], group))
            fprintf(to, "  %-16s %s\n", commands[i]->name, commands[i]->help);
}

static void print_help(FILE *to)
{
    fprintf(to, "llmctl -- the operator's hand on llm-proxy, context-service and health-worker\n\n"
                "usage: llmctl [--json] [--socket PATH | --url URL --token-file FILE] "
                "[--config FILE] COMMAND …\n\n");
    print_commands(to, STR_EMPTY);
}

/* For shells that complete and for the manual: name, arguments and help of each command. */
static void print_list(void)
{
    for (size_t i = 0; i < N_COMMANDS; i++)
        printf("%s\t%s\t%s\n", commands[i]->name, commands[i]->usage, commands[i]->help);
}

/* The words of a command's name that stand at the front of argv; 0: another command. */
static int match(const struct ctl_command *command, const struct ctl_arguments *a)
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

static int run(const struct ctl_command *command, const struct ctl_arguments *a, int n_words)
{
    struct ctl_context c = {.is_json = a->is_json, .config_path = a->config};
    char socket[512], why[512] = "";

    if (a->argc > n_words && strcmp(a->argv[n_words], "--help") == 0) {
        printf("usage: llmctl %s %s\n%s\n", command->name, command->usage, command->help);
        return CTL_OK;
    }
    if (ctl_arguments_socket(a, socket, sizeof(socket), why, sizeof(why)) < 0 ||
        ctl_client_new(socket, a->url, a->token_file, &c.client, why, sizeof(why)) < 0) {
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
    struct ctl_arguments a = {0};

    signal(SIGPIPE, SIG_IGN);
    if (!ctl_arguments_parse(&a, argc, argv) || a.argc == 0) {
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
    if (strcmp(a.argv[0], "--list-commands") == 0) {
        print_list();
        return CTL_OK;
    }
    for (size_t i = 0; i < N_COMMANDS; i++) {
        int n_words = match(commands[i], &a);
        if (n_words > 0)
            return run(commands[i], &a, n_words);
    }
    const char *second = a.argc > 1 ? a.argv[1] : "";
    fprintf(stderr, "llmctl: there is no command '%s%s%s'; llmctl --help lists all\n", a.argv[0],
            second[0] ? " " : "", second);
    print_commands(stderr, str_from(a.argv[0]));
    return CTL_USAGE;
}
