#include "fleet_bus.h"

#include "io/http_answer.h"
#include "io/log.h"
#include "proto/message.h"
#include "service.h"

#include <stdlib.h>

#define MAX_LIST (256u << 10)

/* ---- to the proxies ---- */

void fleet_bus_publish(void *service)
{
    static struct workers_list list; /* too big for the stack */
    struct service *s = service;
    struct message_header header = {.type = MESSAGE_WORKERS};
    uint8_t head[MESSAGE_HEADER_SIZE];

    if (!fleet_list(s->fleet, &list))
        return;
    list.node = str_from(s->settings->health.node_id);
    list.at_ms = loop_wall(s->loop) / 1000;
    header.correlation_id = list.sequence;
    CLEANUP(buf_done) struct buf body;
    buf_init(&body, MAX_LIST);
    if (workers_encode(&list, &body) != BUF_OK) {
        log_error("the list of workers is over %u bytes and was not sent", MAX_LIST);
        return;
    }
    struct bus_message m = {
        .frame = {message_encode(&header, head), buf_str(&body)},
        .n = 2,
    };
    publisher_send(s->publisher, &m);
}

static void on_use(void *arg, struct str provider, enum workers_use use)
{
    struct service *s = arg;

    monitor_set_asleep(s->monitor, provider, use != WORKERS_READY);
}

void fleet_bus_start(struct service *s)
{
    const struct fleet_config c = {
        .loop = s->loop,
        .fetches = s->fetches,
        .shard = s->shard,
        .machine = s->machine,
        .proxies = &s->proxies,
        .publish = fleet_bus_publish,
        .on_use = on_use,
        .arg = s,
    };

    s->fleet = fleet_new(&c);
}

/* ---- from the proxies ---- */

bool fleet_bus_obey(struct service *s, const struct control_request *r, const char **ret_problem)
{
    enum fleet_result result = fleet_ask(s->fleet, r->verb, r->object);

    *ret_problem = result == FLEET_OK ? NULL : fleet_result_text(result);
    return result != FLEET_NO_VERB;
}

/* ---- by HTTP ---- */

static void refuse(struct http_request *r, enum fleet_result result)
{
    const char *text = fleet_result_text(result);

    switch (result) {
    case FLEET_OK:
        break;
    case FLEET_NO_WORKER:
    case FLEET_NO_VERB:
        http_answer_error(r, 404, "not_found", text);
        break;
    case FLEET_HELD:
    case FLEET_FAILED:
    case FLEET_ENDING:
        http_answer_error(r, 409, "conflict", text);
        break;
    }
}

void fleet_bus_answer(void *service, struct http_request *r, struct str tail)
{
    struct service *s = service;
    struct str verb = tail, name;

    if (!http_request_is_loopback(r) || http_request_header(r, "origin").data) {
        http_answer_error(r, 403, "forbidden",
                          "Workers are run from this machine only, and by no page of a browser.");
        return;
    }

    str_cut(&verb, '/', &name);
    enum fleet_result result = fleet_ask(s->fleet, verb, name);
    if (result != FLEET_OK) {
        refuse(r, result);
        return;
    }
    struct buf out;
    struct json_write w;
    buf_init(&out, 4096);
    json_write_init(&w, &out);
    json_write_begin(&w, '{');
    json_write_member_str(&w, "worker", name);
    json_write_member_str(&w, "asked", verb);
    json_write_end(&w, '}');
    http_answer_written(r, 202, &w);
}
