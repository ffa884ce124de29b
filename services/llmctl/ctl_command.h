/* ctl_command.h -- what is a command of llmctl? One file each exports one const entry.
 */
#pragma once

#include "base/json.h"
#include "ctl_client.h"

#include <stdbool.h>

#define CTL_OK    0
#define CTL_ERROR 1 /* the proxy refused, or cannot be reached */
#define CTL_USAGE 2

struct ctl_context {
    struct ctl_client *client;
    bool is_json; /* print what the proxy answered, as it is */
    const char *config_path;
};

struct ctl_command {
    const char *name;                                         /* "keys create" */
    const char *usage;                                        /* arguments, for the help */
    const char *help;                                         /* one line */
    int (*run)(struct ctl_context *c, int argc, char **argv); /* arguments after the name */
};

extern const struct ctl_command ctl_status_command;
extern const struct ctl_command ctl_providers_command;
extern const struct ctl_command ctl_models_command;
extern const struct ctl_command ctl_models_local_command;
extern const struct ctl_command ctl_models_pull_command;
extern const struct ctl_command ctl_route_explain_command;
extern const struct ctl_command ctl_usage_command;
extern const struct ctl_command ctl_keys_create_command;
extern const struct ctl_command ctl_keys_list_command;
extern const struct ctl_command ctl_keys_show_command;
extern const struct ctl_command ctl_keys_update_command;
extern const struct ctl_command ctl_keys_rotate_command;
extern const struct ctl_command ctl_keys_revoke_command;
extern const struct ctl_command ctl_teams_create_command;
extern const struct ctl_command ctl_teams_list_command;
extern const struct ctl_command ctl_teams_show_command;
extern const struct ctl_command ctl_teams_update_command;
extern const struct ctl_command ctl_audit_verify_command;
extern const struct ctl_command ctl_audit_tail_command;
extern const struct ctl_command ctl_audit_prune_command;
extern const struct ctl_command ctl_prices_list_command;
extern const struct ctl_command ctl_prices_import_command;
extern const struct ctl_command ctl_tokens_import_command;
extern const struct ctl_command ctl_bus_keygen_command;
extern const struct ctl_command ctl_cache_stats_command;
extern const struct ctl_command ctl_cache_clear_command;
extern const struct ctl_command ctl_workers_list_command;
extern const struct ctl_command ctl_workers_start_command;
extern const struct ctl_command ctl_workers_stop_command;
extern const struct ctl_command ctl_workers_drain_command;
extern const struct ctl_command ctl_workers_restart_command;
extern const struct ctl_command ctl_context_count_command;
extern const struct ctl_command ctl_context_condense_command;
extern const struct ctl_command ctl_context_retrieve_command;
extern const struct ctl_command ctl_config_check_command;
extern const struct ctl_command ctl_config_reload_command;
