#include "admin.h"
#include "io/http_answer.h"
#include "proxy.h"

void admin_workers_list(void *arg, struct http_request *r, struct str tail)
{
    const struct proxy *p = arg;
    struct buf out;
    struct json_write w;

    (void)tail;
    admin_answer_begin(&w, &out);
    worker_link_write(p->local_workers, &w);
    http_answer_written(r, 200, &w);
}

static void on_answer(void *arg, enum worker_link_result result, struct str problem)
{
    struct admin_call *c = arg;
    char text[256];

    switch (result) {
    case WORKER_LINK_OK:
        admin_call_answer(c, 202, STR("{\"asked\":true}"));
        break;
    case WORKER_LINK_REFUSED:
        str_copy(text, sizeof(text), problem);
        admin_call_refuse(c, REFUSAL_INVALID_REQUEST, text);
        break;
    case WORKER_LINK_SILENT:
        admin_call_refuse(c, REFUSAL_OVERLOADED, "health-worker does not answer.");
        break;
    }
}

static bool is_verb(struct str s)
{
    return str_is(s, "start") || str_is(s, "stop") || str_is(s, "drain") || str_is(s, "restart");
}

void admin_workers_ask(void *arg, struct http_request *r, struct str tail)
{
    struct proxy *p = arg;
    struct str verb = tail, name;

    str_cut(&verb, '/', &name);
    if (is_verb(verb))
        worker_link_ask(p->local_workers, verb, name, on_answer, admin_call_new(p, r));
    else
        admin_refuse(r, REFUSAL_NOT_FOUND, NULL);
}
