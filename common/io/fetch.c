#include "fetch.h"

#include "fetch_curl.h"
#include "fetch_plain.h"
#include "fetch_transfer.h"

#include <errno.h>
#include <stdlib.h>

const char *fetch_result_text(enum fetch_result r)
{
    switch (r) {
    case FETCH_OK:
        return "ok";
    case FETCH_RESOLVE:
        return "name not resolved";
    case FETCH_CONNECT:
        return "connection refused";
    case FETCH_CONNECT_TIMEOUT:
        return "connect timeout";
    case FETCH_TLS:
        return "tls handshake failed";
    case FETCH_FIRST_BYTE_TIMEOUT:
        return "first byte timeout";
    case FETCH_IDLE_TIMEOUT:
        return "idle timeout";
    case FETCH_TOTAL_TIMEOUT:
        return "total timeout";
    case FETCH_RESET:
        return "connection lost";
    case FETCH_INVALID:
        return "invalid answer";
    case FETCH_TOO_LARGE:
        return "answer too large";
    }
    abort();
}

int fetch_pool_new(struct loop *l, struct fetch_pool **ret)
{
    CLEANUP(fetch_pool_free) struct fetch_pool *p = calloc(1, sizeof(*p));
    if (!p)
        return -ENOMEM;

    p->loop = l;
    fetch_transfer_init(p);
    LIST_INIT(&p->curls);
    int r = fetch_plain_new(p, &p->plain);
    if (r < 0)
        return r;

    *ret = TAKE(p);
    return 0;
}

void fetch_pool_free(struct fetch_pool **p)
{
    struct fetch_pool *self = TAKE(*p);

    if (!self)
        return;
    fetch_transfer_stop_all(self);
    fetch_plain_free(&self->plain);
    for (struct fetch_curl *c; (c = LIST_FIRST(&self->curls));)
        fetch_curl_free(&c);
    fetch_transfer_free_after(&self->resume_task, self);
}

struct fetch *fetch_start(struct fetch_pool *p, const struct fetch_request *request,
                          const struct fetch_handler *handler, void *arg)
{
    const struct fetch_origin *to = request->origin;
    bool is_tls = str_has_prefix_nocase(str_from(to->base_url), "https:");
    struct fetch *f =
        is_tls ? fetch_curl_take(fetch_curl_find(p, to->ca_file)) : fetch_plain_take(p->plain);

    fetch_transfer_begin(p, f, to, handler, arg);
    if (is_tls)
        fetch_curl_start(f, request);
    else
        fetch_plain_start(f, request);
    return f;
}

void fetch_cancel(struct fetch **f)
{
    struct fetch *self = TAKE(*f);

    if (self)
        fetch_transfer_cancel(self);
}

void fetch_pause(struct fetch *f)
{
    fetch_transfer_pause(f);
}

void fetch_resume(struct fetch *f)
{
    fetch_transfer_resume(f);
}

struct str fetch_header(const struct fetch *f, const char *name)
{
    return f->client->header(f, name);
}

bool fetch_is_sent(const struct fetch *f)
{
    return f->client->is_sent(f);
}

usec_t fetch_connected_at(const struct fetch *f)
{
    return f->deadline.connected_at;
}
