#include "sim_control.h"

#include "base/json_write.h"
#include "base/parse.h"

#include <string.h>

static void reset_queue(struct sim_control_queue *q, const struct sim_script *script)
{
    q->line[0] = *script;
    q->n = 1;
    q->at = 0;
}

static void reset_scripts(struct sim_control *c)
{
    struct sim_script plain;

    sim_script_init(&plain);
    reset_queue(&c->chat, &c->initial);
    reset_queue(&c->models, &plain);
}

void sim_control_init(struct sim_control *c, const struct sim_script *initial, size_t max_records)
{
    memset(c, 0, sizeof(*c));
    c->initial = *initial;
    sim_record_init(&c->record, max_records);
    reset_scripts(c);
}

void sim_control_done(struct sim_control *c)
{
    sim_record_done(&c->record);
}

enum sim_script_result sim_control_next_script(struct sim_control_queue *queue,
                                               const struct sim_http_request *request,
                                               struct str model, struct sim_script *ret,
                                               struct str *reterr)
{
    *ret = queue->line[queue->at];
    if (queue->at + 1 < queue->n)
        queue->at++;

    const char *scripted = model.len > 0 ? memmem(model.data, model.len, "sim:", 4) : NULL;
    if (scripted) {
        scripted += 4;
        struct str text = {scripted, (size_t)(model.data + model.len - scripted)};
        if (sim_script_parse(ret, text, reterr) != SIM_SCRIPT_OK)
            return SIM_SCRIPT_BAD;
    }
    struct str header = sim_http_header(request, "x-sim");
    return header.data ? sim_script_parse(ret, header, reterr) : SIM_SCRIPT_OK;
}

static int say(struct buf *out, int status, const char *key, struct str text)
{
    struct json_write w;

    json_write_init(&w, out);
    json_write_begin(&w, '{');
    json_write_member_str(&w, key, text);
    json_write_end(&w, '}');
    return json_write_finish(&w) == BUF_OK ? status : 500;
}

static int set_script(struct sim_control *c, const struct sim_http_request *request,
                      struct buf *out)
{
    struct sim_control_queue *q =
        str_is(sim_http_query(request, "for"), "models") ? &c->models : &c->chat;
    struct str rest = request->body, line, wrong;
    struct sim_script script;

    if (rest.len > 0 && rest.data[rest.len - 1] == '\n')
        rest.len--;
    sim_script_init(&script);
    reset_queue(q, &script);
    for (q->n = 0; str_cut(&rest, '\n', &line); q->n++) {
        if (q->n == SIM_CONTROL_MAX_LINES)
            return say(out, 400, "error", STR("too many lines"));
        sim_script_init(&script);
        if (sim_script_parse(&script, line, &wrong) != SIM_SCRIPT_OK)
            return say(out, 400, "error", wrong);
        q->line[q->n] = script;
    }
    return say(out, 200, "status", STR("ok"));
}

static int write_record(struct sim_control *c, const struct sim_http_request *request,
                        struct buf *out)
{
    struct str text = sim_http_query(request, "since");
    bool brief = sim_http_query(request, "brief").data != NULL;
    uint64_t since = 0;

    if (text.data && !parse_u64(text, &since))
        return say(out, 400, "error", STR("since is a number"));
    if (sim_record_write(&c->record, since, brief, out) == BUF_OK)
        return 200;
    buf_clear(out);
    return say(out, 413, "error", STR("too much: ask with since and brief"));
}

static int write_stats(const struct sim_control *c, struct buf *out)
{
    struct json_write w;

    json_write_init(&w, out);
    json_write_begin(&w, '{');
    json_write_member_int(&w, "connections_accepted", (int64_t)c->accepted);
    json_write_member_int(&w, "connections_open", (int64_t)c->open);
    json_write_member_int(&w, "requests", (int64_t)c->requests);
    json_write_member_int(&w, "last_number", (int64_t)c->record.next - 1);
    json_write_end(&w, '}');
    return json_write_finish(&w) == BUF_OK ? 200 : 500;
}

int sim_control_answer(struct sim_control *c, const struct sim_http_request *request,
                       struct buf *out)
{
    bool is_post = str_is(request->method, "POST");

    if (is_post && str_is(request->path, "/sim/script"))
        return set_script(c, request, out);
    if (is_post && str_is(request->path, "/sim/reset")) {
        sim_record_reset(&c->record);
        reset_scripts(c);
        return say(out, 200, "status", STR("ok"));
    }
    if (!is_post && str_is(request->path, "/sim/record"))
        return write_record(c, request, out);
    if (!is_post && str_is(request->path, "/sim/stats"))
        return write_stats(c, out);
    return say(out, 404, "error", STR("no such route"));
}
