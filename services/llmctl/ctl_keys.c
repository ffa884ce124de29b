#include "ctl_limits.h"
#include "ctl_show.h"

#include <stdio.h>
#include <string.h>

#define FOLDER   "/admin/keys/"
#define MAX_PATH 512
#define MAX_BODY (64u << 10)

/* Ask with the options as the body. Returns the exit status. */
static int ask(struct ctl_context *c, const char *question[2], int argc, char **argv,
               struct ctl_answer *ret)
{
    CLEANUP(buf_done) struct buf body;

    buf_init(&body, MAX_BODY);
    if (!ctl_limits_write(argc, argv, &body))
        return CTL_USAGE;
    return ctl_client_ask(c->client, question[0], question[1], buf_str(&body), ret) ? CTL_OK
                                                                                    : CTL_ERROR;
}

static void show_text(struct ctl_context *c, const struct ctl_answer *a)
{
    struct str key;

    if (c->is_json)
        ctl_show_raw(a);
    else if (json_string(json_get(a->json, "key"), ctl_client_arena(c->client), &key))
        printf("%.*s\n", STR_ARG(key));
}

static int create(struct ctl_context *c, int argc, char **argv)
{
    const char *question[] = {"POST", "/admin/keys"};
    struct ctl_answer a;

    int status = ask(c, question, argc, argv, &a);
    if (status == CTL_OK)
        show_text(c, &a);
    return status;
}

static int list(struct ctl_context *c, int argc, char **argv)
{
    static const struct ctl_table_column columns[] = {
        {"ID", "id"},           {"NAME", "name"},         {"STATE", "state"},
        {"TEAM", "team"},       {"MODELS", "models"},     {"RPM", "rpm"},
        {"TPM", "tpm"},         {"PARALLEL", "parallel"}, {"BUDGET", "budget_usd"},
        {"SPENT", "spent_usd"},
    };

    (void)argv;
    if (argc > 0)
        return CTL_USAGE;
    return ctl_show_rows(c, "/admin/keys", columns, sizeof(columns) / sizeof(columns[0]));
}

static int show(struct ctl_context *c, int argc, char **argv)
{
    char path[MAX_PATH];

    if (argc != 1 || !ctl_limits_path(FOLDER, argv[0], path, sizeof(path)))
        return CTL_USAGE;
    return ctl_show_object(c, path);
}

static int update(struct ctl_context *c, int argc, char **argv)
{
    char path[MAX_PATH];
    const char *question[] = {"PATCH", path};
    struct ctl_answer a;

    if (argc < 3 || !ctl_limits_path(FOLDER, argv[0], path, sizeof(path)))
        return CTL_USAGE;
    int status = ask(c, question, argc - 1, argv + 1, &a);
    if (status == CTL_OK && c->is_json)
        ctl_show_raw(&a);
    else if (status == CTL_OK)
        printf("updated\n");
    return status;
}

static int rotate(struct ctl_context *c, int argc, char **argv)
{
    char path[MAX_PATH];
    const char *question[] = {"POST", path};
    struct ctl_answer a;

    if (argc < 1 || !ctl_limits_path(FOLDER, argv[0], path, sizeof(path)))
        return CTL_USAGE;
    int status = ask(c, question, argc - 1, argv + 1, &a);
    if (status == CTL_OK)
        show_text(c, &a);
    return status;
}

static int revoke(struct ctl_context *c, int argc, char **argv)
{
    char path[MAX_PATH];
    struct ctl_answer a;
    bool is_cutting = argc == 2 && strcmp(argv[1], "--cut") == 0;

    if ((argc != 1 && !is_cutting) || !ctl_limits_path(FOLDER, argv[0], path, sizeof(path)))
        return CTL_USAGE;
    if (!ctl_client_ask(c->client, "DELETE", path, is_cutting ? STR("{\"cut\":true}") : STR_EMPTY,
                        &a))
        return CTL_ERROR;
    if (c->is_json)
        ctl_show_raw(&a);
    else
        printf("revoked\n");
    return CTL_OK;
}

#define LIMITS                                                                                     \
    "[--budget USD] [--budget-daily USD] [--budget-monthly USD] [--zone Europe/Berlin] [--rpm N] " \
    "[--tpm N] [--parallel N] "
#define OF_KEYS                                                                                    \
    "[--models a,b] [--tags a,b] [--expires 30d] [--unpriced allow|refuse] [--outage closed|open]"

const struct ctl_command ctl_keys_create_command = {"keys create",
                                                    "--name NAME [--team NAME] " LIMITS OF_KEYS,
                                                    "make a key and print it, once", create};
const struct ctl_command ctl_keys_list_command = {"keys list", "", "every key, without its text",
                                                  list};
const struct ctl_command ctl_keys_show_command = {"keys show", "NAME|ID",
                                                  "one key: its limits and what is used", show};
const struct ctl_command ctl_keys_update_command = {
    "keys update", "NAME|ID " LIMITS OF_KEYS " (none takes a limit away)",
    "change limits of a key, at once", update};
const struct ctl_command ctl_keys_rotate_command = {
    "keys rotate", "NAME|ID [--grace 24h]",
    "a new text for a key; the one before stays good for the grace", rotate};
const struct ctl_command ctl_keys_revoke_command = {
    "keys revoke", "NAME|ID [--cut]",
    "no request may use it from now on; --cut ends those under way", revoke};
