#include "base/buf.h"
#include "base/json_write.h"
#include "ctl_file.h"
#include "ctl_show.h"

#include <stdio.h>
#include <string.h>

#define MAX_PROMPT (512u << 10)
#define MAX_BODY   (1u << 20) /* what the admin listener takes */

struct question {
    const char *model, *prompt, *path;
};

static bool read_options(int argc, char **argv, struct question *ret)
{
    for (int i = 0; i < argc; i++) {
        if (argv[i][0] != '-' && !ret->path) {
            ret->path = argv[i];
            continue;
        }
        if (i + 1 == argc)
            return false;
        if (strcmp(argv[i], "--model") == 0)
            ret->model = argv[++i];
        else if (strcmp(argv[i], "--prompt") == 0)
            ret->prompt = argv[++i];
        else
            return false;
    }
    return ret->model && !(ret->prompt && ret->path);
}

static enum buf_result write_body(const char *model, struct str prompt, struct buf *out)
{
    struct json_write w;

    json_write_init(&w, out);
    json_write_begin(&w, '{');
    json_write_member(&w, "model", model);
    json_write_key(&w, "messages");
    json_write_begin(&w, '[');
    json_write_begin(&w, '{');
    json_write_member(&w, "role", "user");
    json_write_member_str(&w, "content", prompt);
    json_write_end(&w, '}');
    json_write_end(&w, ']');
    json_write_end(&w, '}');
    return json_write_finish(&w);
}

static void print_member(struct ctl_context *c, const struct json_value *v, const char *title,
                         const char *path)
{
    const struct json_value *member = json_at(v, path);
    struct str s;

    if (!member || json_is(member, JSON_NULL))
        return;
    if (!json_string(member, ctl_client_arena(c->client), &s))
        s = member->raw;
    printf("%-14s %.*s\n", title, STR_ARG(s));
}

static void print_decision(struct ctl_context *c, const struct json_value *v)
{
    const struct json_value *reasons = json_get(v, "reasons");

    print_member(c, v, "model", "model");
    print_member(c, v, "provider", "provider");
    print_member(c, v, "target", "target_model");
    print_member(c, v, "backend", "backend");
    print_member(c, v, "strategy", "strategy");
    print_member(c, v, "complexity", "complexity.level");
    print_member(c, v, "score", "complexity.score");
    print_member(c, v, "tokens", "tokens");
    print_member(c, v, "estimated USD", "estimated_cost_usd");
    for (const struct json_value *r = reasons ? reasons->child : NULL; r; r = r->next) {
        struct str s;
        if (json_string(r, ctl_client_arena(c->client), &s))
            printf("%-14s %.*s\n", r == reasons->child ? "because" : "", STR_ARG(s));
    }
}

static int explain(struct ctl_context *c, int argc, char **argv)
{
    struct question q = {0};
    struct ctl_answer a;
    struct buf prompt, body;
    int status = CTL_ERROR;

    if (!read_options(argc, argv, &q))
        return CTL_USAGE;
    buf_init(&prompt, MAX_PROMPT);
    buf_init(&body, MAX_BODY);
    struct str text = str_from(q.prompt);
    bool is_read = !q.path || ctl_file_read(q.path, &prompt);
    if (q.path)
        text = buf_str(&prompt);
    if (is_read && write_body(q.model, text, &body) != BUF_OK)
        fprintf(stderr, "llmctl: the prompt is too long\n");
    else if (is_read && ctl_client_ask(c->client, "POST", "/admin/route", buf_str(&body), &a))
        status = CTL_OK;
    buf_done(&prompt);
    buf_done(&body);
    if (status != CTL_OK)
        return status;
    if (c->is_json)
        ctl_show_raw(&a);
    else
        print_decision(c, a.json);
    return CTL_OK;
}

const struct ctl_command ctl_route_explain_command = {
    "route explain", "--model MODEL [--prompt TEXT | FILE]", "where a prompt would go now, and why",
    explain};
