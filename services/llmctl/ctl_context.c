#include "base/buf.h"
#include "base/json_write.h"
#include "ctl_daemon.h"
#include "ctl_file.h"
#include "ctl_show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MAX_INPUT (64u << 20)
#define MAX_NAMES (64u << 10)

struct options {
    const char *model, *session, *tenant, *mode, *query, *budget;
    const char *text;     /* count: instead of a file */
    const char *argument; /* the file or the key; NULL: standard input */
};

static const char **option(struct options *o, const char *name)
{
    const struct {
        const char *name, **value;
    } all[] = {
        {"--model", &o->model}, {"--session", &o->session}, {"--tenant", &o->tenant},
        {"--mode", &o->mode},   {"--query", &o->query},     {"--budget", &o->budget},
        {"--text", &o->text},
    };

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (strcmp(name, all[i].name) == 0)
            return all[i].value;
    return NULL;
}

static bool read_options(struct options *o, int argc, char **argv)
{
    *o = (struct options){.model = NULL};
    for (int i = 0; i < argc; i++) {
        const char **value = option(o, argv[i]);
        if (!value && (o->argument || (argv[i][0] == '-' && argv[i][1] != '\0')))
            return false;
        if (value && i + 1 == argc)
            return false;
        if (value)
            *value = argv[++i];
        else
            o->argument = argv[i];
    }
    return true;
}

/* ---- what is asked ---- */

static void write_raw(struct json_write *w, const char *key, const struct json_value *v)
{
    if (!v)
        return;
    json_write_key(w, key);
    json_write_raw(w, v->raw);
}

static void write_text(struct json_write *w, const char *key, const char *text)
{
    if (text)
        json_write_member(w, key, text);
}

/* A file holds an array of messages, or a request's body that has them. */
static bool write_messages(struct arena *a, const struct options *o, struct str input,
                           struct json_write *w)
{
    const struct json_value *root;
    size_t at = 0;

    if (json_parse(a, input, &root, &at) != JSON_OK) {
        fprintf(stderr, "llmctl: not valid JSON at byte %zu\n", at);
        return false;
    }
    bool is_body = json_is(root, JSON_OBJECT);
    write_raw(w, "messages", is_body ? json_get(root, "messages") : root);
    if (!is_body)
        return true;
    write_raw(w, "tools", json_get(root, "tools"));
    if (!o->model)
        write_raw(w, "model", json_get(root, "model"));
    return true;
}

static bool write_body(struct ctl_client *client, const struct options *o, struct str input,
                       struct buf *out)
{
    struct json_write w;

    json_write_init(&w, out);
    json_write_begin(&w, '{');
    write_text(&w, "model", o->model);
    write_text(&w, "session", o->session);
    write_text(&w, "tenant", o->tenant);
    write_text(&w, "mode", o->mode);
    write_text(&w, "query", o->query);
    if (o->budget) {
        json_write_key(&w, "budget_tokens");
        json_write_raw(&w, str_from(o->budget));
    }
    if (o->text)
        json_write_member(&w, "text", o->text);
    else if (!write_messages(ctl_client_arena(client), o, input, &w))
        return false;
    json_write_end(&w, '}');
    if (json_write_finish(&w) == BUF_OK)
        return true;
    fprintf(stderr, "llmctl: the conversation is too long\n");
    return false;
}

/* The conversation of the file, put to context-service at `path`. */
static bool ask(struct ctl_client *client, const struct options *o, const char *path,
                struct ctl_answer *ret)
{
    struct buf input, body;

    buf_init(&input, MAX_INPUT);
    buf_init(&body, 2 * (size_t)MAX_INPUT);
    bool is_asked = (o->text || ctl_file_read(o->argument, &input)) &&
                    write_body(client, o, buf_str(&input), &body) &&
                    ctl_client_ask(client, "POST", path, buf_str(&body), ret);
    buf_done(&input);
    buf_done(&body);
    return is_asked;
}

/* ---- what is answered ---- */

static int64_t number(const struct json_value *object, const char *key)
{
    int64_t n = 0;

    return json_int(json_get(object, key), &n) ? n : 0;
}

static bool is_true(const struct json_value *object, const char *key)
{
    return json_is(json_get(object, key), JSON_TRUE);
}

static void show_count(const struct json_value *answer)
{
    double margin = 0;

    if (is_true(answer, "exact") || !json_number(json_get(answer, "margin"), &margin))
        printf("%" PRId64 " tokens\n", number(answer, "tokens"));
    else
        printf("about %" PRId64 " tokens, within %.0f%%\n", number(answer, "tokens"), margin * 100);
}

static void show_condensed(const struct json_value *answer)
{
    static const struct ctl_table_column columns[] = {
        {"KEY", "key"}, {"TOKENS", "tokens"}, {"BEGINS", "preview"}};
    const struct json_value *omitted = json_get(answer, "omitted");

    printf("%" PRId64 " -> %" PRId64 " tokens, epoch %" PRId64 "\n",
           number(answer, "tokens_before"), number(answer, "tokens_after"),
           number(answer, "epoch"));
    if (omitted && omitted->n_children > 0)
        ctl_table_print(omitted, columns, sizeof(columns) / sizeof(columns[0]));
}

static int run_on_conversation(struct ctl_context *c, const struct options *o, const char *path,
                               void (*show)(const struct json_value *))
{
    CLEANUP(ctl_client_free) struct ctl_client *client = NULL;
    struct ctl_answer a;

    if (!ctl_daemon_context(c, &client) || !ask(client, o, path, &a))
        return CTL_ERROR;
    if (c->is_json)
        ctl_show_raw(&a);
    else
        show(a.json);
    return CTL_OK;
}

static int count(struct ctl_context *c, int argc, char **argv)
{
    struct options o;

    if (!read_options(&o, argc, argv) || (o.text && o.argument))
        return CTL_USAGE;
    return run_on_conversation(c, &o, "/v1/count", show_count);
}

static int condense(struct ctl_context *c, int argc, char **argv)
{
    struct options o;

    if (!read_options(&o, argc, argv) || !o.budget || o.text)
        return CTL_USAGE;
    return run_on_conversation(c, &o, "/v1/condense", show_condensed);
}

static int retrieve(struct ctl_context *c, int argc, char **argv)
{
    CLEANUP(ctl_client_free) struct ctl_client *client = NULL;
    struct options o;
    struct ctl_answer a;
    struct json_write w;
    struct buf body;
    struct str content;

    if (!read_options(&o, argc, argv) || !o.argument)
        return CTL_USAGE;
    buf_init(&body, MAX_NAMES);
    json_write_init(&w, &body);
    json_write_begin(&w, '{');
    json_write_member(&w, "session", o.session ? o.session : "");
    json_write_member(&w, "key", o.argument);
    write_text(&w, "tenant", o.tenant);
    json_write_end(&w, '}');
    bool is_found = json_write_finish(&w) == BUF_OK && ctl_daemon_context(c, &client) &&
                    ctl_client_ask(client, "POST", "/v1/retrieve", buf_str(&body), &a);
    buf_done(&body);
    if (!is_found)
        return CTL_ERROR;
    if (c->is_json)
        ctl_show_raw(&a);
    else if (json_string(json_get(a.json, "content"), ctl_client_arena(client), &content))
        fwrite(content.data, 1, content.len, stdout);
    return CTL_OK;
}

const struct ctl_command ctl_context_count_command = {
    "context count", "[--model MODEL] [--text TEXT | FILE]",
    "how many tokens a conversation has: a JSON array of messages, or a request's body", count};
const struct ctl_command ctl_context_condense_command = {
    "context condense",
    "--budget TOKENS [--model MODEL] [--mode MODE] [--session NAME [--tenant KEY-ID]] "
    "[--query TEXT] [FILE]",
    "what a conversation would come to within a budget", condense};
const struct ctl_command ctl_context_retrieve_command = {
    "context retrieve", "--session NAME [--tenant KEY-ID] KEY",
    "a block that was left out of a conversation", retrieve};
