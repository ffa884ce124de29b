#include "http_connection.h"

#include <stdlib.h>

#define MAX_SPARES     64
#define SPARE_BODY     4096 /* a spare request keeps a body buffer up to this size */
#define HANDLER_MEMORY (1 << 20)

struct http_request *http_request_new(struct http_connection *c)
{
    struct http_server *s = c->server;
    const struct http_server_config *config = &s->config;
    struct http_request *r = s->spares;

    if (r) {
        s->spares = r->next;
        s->n_spares--;
    } else {
        r = calloc(1, sizeof(*r) + config->max_fields * sizeof(r->fields[0]));
        if (!r)
            abort();
        arena_init(&r->arena, 2 * config->max_header + 4 * config->max_body + HANDLER_MEMORY);
    }
    struct buf body = r->body;
    struct arena arena = r->arena;
    *r = (struct http_request){.connection = c,
                               .arena = arena,
                               .body = body,
                               .max_body = config->max_body,
                               .accepted_at = loop_now(s->loop)};
    http1_request_init(&r->head, r->fields, config->max_fields, config->max_header);
    s->n_requests++;
    return r;
}

void http_request_free(struct http_request *r)
{
    struct http_server *s = r->connection->server;

    s->n_requests--;
    if (r->is_dispatched)
        s->n_in_flight--;
    if (r->body.cap > SPARE_BODY)
        buf_done(&r->body);
    else
        buf_clear(&r->body);
    arena_clear(&r->arena);
    if (s->n_spares < MAX_SPARES) {
        r->next = s->spares;
        s->spares = r;
        s->n_spares++;
        return;
    }
    buf_done(&r->body);
    arena_done(&r->arena);
    free(r);
}

/* A request refused in its head has no parts. */
static struct str part(const struct http_request *r, struct http1_span span)
{
    return r->bytes.len > 0 ? http1_head_text(r->bytes, span) : STR_EMPTY;
}

struct str http_request_method(const struct http_request *r)
{
    return part(r, r->head.method);
}

struct str http_request_path(const struct http_request *r)
{
    return r->bytes.len > 0 ? r->path : STR_EMPTY;
}

struct str http_request_query(const struct http_request *r)
{
    return part(r, r->head.query);
}

struct str http_request_header(const struct http_request *r, const char *name)
{
    if (r->bytes.len == 0)
        return (struct str){NULL, 0};
    return http1_head_find(&r->head.head, r->bytes, name);
}

struct str http_request_body(const struct http_request *r)
{
    return buf_str(&r->body);
}

void http_request_take_body(struct http_request *r, struct buf *ret)
{
    *ret = r->body;
    buf_init(&r->body, 0);
}

void http_request_give_body(struct http_request *r, struct buf *body)
{
    r->body = *body;
    buf_init(body, 0);
}

struct str http_request_peer(const struct http_request *r)
{
    return str_from(r->connection->peer);
}

bool http_request_is_loopback(const struct http_request *r)
{
    return r->connection->is_loopback;
}

int http_request_tag(const struct http_request *r)
{
    return r->connection->tag;
}

usec_t http_request_accepted_at(const struct http_request *r)
{
    return r->accepted_at;
}

struct arena *http_request_arena(struct http_request *r)
{
    return &r->arena;
}

void http_request_set_data(struct http_request *r, void *data)
{
    r->data = data;
}

void *http_request_data(const struct http_request *r)
{
    return r->data;
}

void http_request_set_route(struct http_request *r, const char *route)
{
    r->route = route;
}

const char *http_request_route(const struct http_request *r)
{
    return r->route ? r->route : "other";
}

void http_request_set_max_body(struct http_request *r, size_t max)
{
    r->max_body = max;
}
