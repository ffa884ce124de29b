#include "base/json_write.h"
#include "ctl_show.h"

#include <stdio.h>
#include <string.h>

enum option_kind { TEXT, NUMBER, LIST };

/* Options of `keys create` and the members they become. */
static const struct {
    const char *option, *member;
    enum option_kind kind;
} options[] = {
    {"--name", "name", TEXT},
    {"--team", "team", TEXT},
    {"--tags", "tags", TEXT},
    {"--models", "models", LIST},
    {"--budget", "budget_usd", TEXT},
    {"--budget-daily", "budget_daily_usd", TEXT},
    {"--budget-monthly", "budget_monthly_usd", TEXT},
    {"--expires", "expires", TEXT},
    {"--rpm", "rpm", NUMBER},
    {"--tpm", "tpm", NUMBER},
    {"--parallel", "parallel", NUMBER},
};

static bool is_number(const char *text)
{
    return text[0] != '\0' && strlen(text) < 19 && text[strspn(text, "0123456789")] == '\0';
}

static void write_list(struct json_write *w, const char *text)
{
    struct str rest = str_from(text), part;

    json_write_begin(w, '[');
    while (str_cut(&rest, ',', &part))
        if (part.len > 0)
            json_write_str(w, str_trim(part));
    json_write_end(w, ']');
}

static bool write_option(struct json_write *w, const char *option, const char *value)
{
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (strcmp(options[i].option, option) != 0)
            continue;
        json_write_key(w, options[i].member);
        switch (options[i].kind) {
        case TEXT:
            json_write_text(w, value);
            return true;
        case NUMBER:
            json_write_raw(w, is_number(value) ? str_from(value) : STR("null"));
            return is_number(value);
        case LIST:
            write_list(w, value);
            return true;
        }
    }
    return false;
}

static int create(struct ctl_context *c, int argc, char **argv)
{
    struct ctl_answer a;
    struct json_write w;
    struct buf body;
    struct str key;
    bool is_usable = argc % 2 == 0;

    buf_init(&body, 64u << 10);
    json_write_init(&w, &body);
    json_write_begin(&w, '{');
    for (int i = 0; is_usable && i < argc; i += 2)
        is_usable = write_option(&w, argv[i], argv[i + 1]);
    json_write_end(&w, '}');
    if (!is_usable || json_write_finish(&w) != BUF_OK) {
        buf_done(&body);
        return CTL_USAGE;
    }
    bool is_made = ctl_client_ask(c->client, "POST", "/admin/keys", buf_str(&body), &a);
    buf_done(&body);
    if (!is_made)
        return CTL_ERROR;
    if (c->is_json)
        ctl_show_raw(&a);
    else if (json_string(json_get(a.json, "key"), ctl_client_arena(c->client), &key))
        printf("%.*s\n", STR_ARG(key));
    return CTL_OK;
}

static int list(struct ctl_context *c, int argc, char **argv)
{
    static const struct ctl_table_column columns[] = {
        {"ID", "id"},     {"NAME", "name"},         {"STATE", "state"},
        {"TEAM", "team"}, {"MODELS", "models"},     {"RPM", "rpm"},
        {"TPM", "tpm"},   {"PARALLEL", "parallel"}, {"BUDGET", "budget_usd"},
    };

    (void)argv;
    if (argc > 0)
        return CTL_USAGE;
    return ctl_show_rows(c, "/admin/keys", columns, sizeof(columns) / sizeof(columns[0]));
}

/* Names may hold anything printable; a path may not. */
static bool encode(const char *text, char *to, size_t size)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t n = 0;

    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool is_plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                        (c >= 'a' && c <= 'z') || strchr("-_.~", c);
        if (n + 4 > size)
            return false;
        if (is_plain) {
            to[n++] = (char)c;
            continue;
        }
        to[n++] = '%';
        to[n++] = hex[c >> 4];
        to[n++] = hex[c & 15];
    }
    to[n] = '\0';
    return true;
}

static int revoke(struct ctl_context *c, int argc, char **argv)
{
    char path[512] = "/admin/keys/";
    size_t n = strlen(path);
    struct ctl_answer a;

    if (argc != 1 || argv[0][0] == '\0' || !encode(argv[0], path + n, sizeof(path) - n))
        return CTL_USAGE;
    if (!ctl_client_ask(c->client, "DELETE", path, STR_EMPTY, &a))
        return CTL_ERROR;
    if (c->is_json)
        ctl_show_raw(&a);
    else
        printf("revoked\n");
    return CTL_OK;
}

const struct ctl_command ctl_keys_create_command = {
    "keys create",
    "--name NAME [--budget USD] [--budget-daily USD] [--budget-monthly USD] [--rpm N] [--tpm N] "
    "[--parallel N] [--models a,b] [--team NAME] [--tags a,b] [--expires 30d]",
    "make a key and print it, once", create};
const struct ctl_command ctl_keys_list_command = {"keys list", "", "every key, without its text",
                                                  list};
const struct ctl_command ctl_keys_revoke_command = {"keys revoke", "NAME|ID",
                                                    "no request may use it from now on", revoke};
