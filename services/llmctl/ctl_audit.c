#include "base/json_write.h"
#include "base/parse.h"
#include "ctl_show.h"
#include "io/trail_key.h"
#include "io/trail_prune.h"
#include "io/trail_verify.h"
#include "io/trail_write.h"
#include "settings/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Where the configuration says that the trail is, and with which key; for when nobody serves. */
struct place {
    struct settings *settings;
    char folder[PATH_MAX], head[PATH_MAX];
    uint8_t key[CHAIN_KEY_SIZE];
};

static void leave(struct place *p)
{
    settings_free(&p->settings);
    explicit_bzero(p->key, sizeof(p->key));
}

static bool find(const struct ctl_context *c, struct place *ret)
{
    char why[512], key[PATH_MAX];

    if (settings_load(c->config_path, &ret->settings, why, sizeof(why)) != 0) {
        fprintf(stderr, "%s\n", why);
        return false;
    }
    const struct settings *s = ret->settings;
    snprintf(ret->folder, sizeof(ret->folder), "%s/audit", s->paths.logs);
    snprintf(ret->head, sizeof(ret->head), "%s/audit.head", s->paths.state);
    snprintf(key, sizeof(key), "%s/audit.key", s->paths.state);
    int r = access(key, R_OK) < 0 ? -errno : 0; /* reading must not make one */
    if (r < 0)
        snprintf(why, sizeof(why), "%.400s: %s", key, strerror(-r));
    else
        r = trail_key_load(key, ret->key, why, sizeof(why));
    if (r < 0)
        fprintf(stderr, "llmctl: %s\n", why);
    return r == 0;
}

static void show_json(const struct trail_verify_report *r, bool is_whole)
{
    CLEANUP(buf_done) struct buf out;
    struct json_write w;

    buf_init(&out, 4096);
    json_write_init(&w, &out);
    json_write_begin(&w, '{');
    json_write_member_bool(&w, "whole", is_whole);
    json_write_member_u64(&w, "files", r->n_files);
    json_write_member_u64(&w, "records", r->n_records);
    if (!is_whole) {
        json_write_member(&w, "file", r->file);
        json_write_member_u64(&w, "line", r->line);
        json_write_member(&w, "what", r->what);
    }
    json_write_end(&w, '}');
    if (json_write_finish(&w) == BUF_OK)
        puts(out.data);
}

static void show(const struct place *p, const struct trail_verify_report *r, bool is_whole)
{
    if (is_whole)
        printf("%s: %zu files, %" PRIu64 " records, whole%s\n", p->folder, r->n_files, r->n_records,
               r->is_torn ? "; the last line is being written, or was cut short by a crash" : "");
    else if (r->line > 0)
        printf("%s/%s:%" PRIu64 ": %s\n", p->folder, r->file, r->line, r->what);
    else
        printf("%s/%s: %s\n", p->folder, r->file, r->what);
}

static int verify(struct ctl_context *c, int argc, char **argv)
{
    CLEANUP(leave) struct place p = {0};
    struct trail_verify_report report;

    (void)argv;
    if (argc > 0)
        return CTL_USAGE;
    if (!find(c, &p))
        return CTL_ERROR;
    const struct trail_verify_config config = {
        .folder = p.folder, .head_path = p.head, .key = p.key};
    int r = trail_verify_all(&config, &report);
    if (r < 0) {
        fprintf(stderr, "llmctl: %s: %s\n", p.folder, strerror(-r));
        return CTL_ERROR;
    }
    if (c->is_json)
        show_json(&report, r == TRAIL_VERIFY_OK);
    else
        show(&p, &report, r == TRAIL_VERIFY_OK);
    return r == TRAIL_VERIFY_OK ? CTL_OK : CTL_ERROR;
}

static int tail(struct ctl_context *c, int argc, char **argv)
{
    static const struct ctl_table_column columns[] = {
        {"SEQ", "seq"},
        {"TIME", "time"},
        {"EVENT", "event"},
        {"KEY", "data.key"},
        {"NAME", "data.name"},
        {"PEER", "data.peer"},
        {"METHOD", "data.method"},
        {"PATH", "data.path"},
        {"MODEL", "data.model"},
        {"STATUS", "data.status"},
        {"COST USD", "data.cost_usd"},
        {"COUNT", "data.count"},
    };
    char path[64];
    uint64_t n = 20;

    if (argc == 2 ? strcmp(argv[0], "-n") != 0 || !parse_u64(str_from(argv[1]), &n) : argc != 0)
        return CTL_USAGE;
    snprintf(path, sizeof(path), "/admin/audit?n=%" PRIu64, n);
    return ctl_show_rows(c, path, columns, sizeof(columns) / sizeof(columns[0]));
}

static bool announce(void *arg, struct str data)
{
    struct trail_write *w = arg;

    return trail_write_append(w, clock_wall(), STR("audit.pruned"), data) == 0 &&
           trail_write_flush(w, true) == 0;
}

static int prune_here(const struct place *p, struct trail_write *w)
{
    struct trail_prune prune = {.folder = p->folder,
                                .wall = clock_wall(),
                                .compress_days = p->settings->audit.compress_days,
                                .retention_days = p->settings->audit.retention_days,
                                .announce = announce,
                                .arg = w};
    int r = trail_prune_run(&prune);

    printf("%u files packed, %u deleted\n", prune.n_packed, prune.n_deleted);
    if (r < 0)
        fprintf(stderr, "llmctl: %s/%s: %s\n", p->folder, prune.failed, strerror(-r));
    return r < 0 ? CTL_ERROR : CTL_OK;
}

/* The trail has one writer: while the proxy is it, it is asked. */
static int prune(struct ctl_context *c, int argc, char **argv)
{
    CLEANUP(leave) struct place p = {0};
    CLEANUP(trail_write_close) struct trail_write *w = NULL;
    struct trail_write_resumed resumed;
    struct ctl_answer answer;

    (void)argv;
    if (argc > 0)
        return CTL_USAGE;
    if (!find(c, &p))
        return CTL_ERROR;
    int r = trail_write_open(p.folder, p.head, p.key, &w, &resumed);
    if (r == 0)
        return prune_here(&p, w);
    if (r == -EWOULDBLOCK)
        return ctl_client_ask(c->client, "POST", "/admin/audit/prune", STR_EMPTY, &answer)
                   ? CTL_OK
                   : CTL_ERROR;
    fprintf(stderr, "llmctl: %s: %s\n", p.folder, strerror(-r));
    return CTL_ERROR;
}

const struct ctl_command ctl_audit_verify_command = {
    "audit verify", "", "is the audit trail as it was written? Names the first wrong record",
    verify};
const struct ctl_command ctl_audit_tail_command = {"audit tail", "[-n 20]",
                                                   "the newest records of the audit trail", tail};
const struct ctl_command ctl_audit_prune_command = {
    "audit prune", "", "pack and delete what is old enough, as audit: says", prune};
