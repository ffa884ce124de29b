/* admin.h -- what may an operator ask of the running proxy?
 *
 * One server on the control thread for admin.sock (its mode is the guard) and, when configured, a
 * tcp address (guarded by the admin token). The routes are one table.
 */
#pragma once

#include "base/buf.h"
#include "base/json_write.h"
#include "base/macro.h"
#include "io/http_server.h"
#include "refusal.h"

#include <stddef.h>

struct proxy;

MUST_USE int admin_start(struct proxy *p, char *reterr, size_t reterr_size);
void admin_stop(struct proxy *p);

/* A large answer, in `space`, which http_answer_written() sends and releases. */
void admin_answer_begin(struct json_write *w, struct buf *space);
void admin_refuse(struct http_request *r, enum refusal refusal, const char *message);
/* 400: a field or a parameter is wrong. */
void admin_refuse_field(struct http_request *r, const char *field, const char *message);

/* A question whose answer comes later: from the ledger thread, say. */
struct admin_call {
    struct proxy *proxy;
    struct http_request *client; /* NULL once it left */
};
struct admin_call *admin_call_new(struct proxy *p, struct http_request *r);
/* Exactly one of these ends a call. Nothing is sent when the client has left. */
void admin_call_answer(struct admin_call *c, int status, struct str json);
void admin_call_refuse(struct admin_call *c, enum refusal refusal, const char *message);
void admin_call_refuse_field(struct admin_call *c, const char *field, const char *message);

/* The routes' functions (http_route_fn; `arg` is the struct proxy), in files of their own. */
void admin_cache_show(void *arg, struct http_request *r, struct str tail);
void admin_cache_clear(void *arg, struct http_request *r, struct str tail);
void admin_cluster_status(void *arg, struct http_request *r, struct str tail);
void admin_keys_list(void *arg, struct http_request *r, struct str tail);
void admin_keys_create(void *arg, struct http_request *r, struct str tail);
void admin_keys_show(void *arg, struct http_request *r, struct str tail);
void admin_keys_update(void *arg, struct http_request *r, struct str tail);
void admin_keys_rotate(void *arg, struct http_request *r, struct str tail);
void admin_keys_revoke(void *arg, struct http_request *r, struct str tail);
void admin_keys_list_teams(void *arg, struct http_request *r, struct str tail);
void admin_keys_create_team(void *arg, struct http_request *r, struct str tail);
void admin_keys_show_team(void *arg, struct http_request *r, struct str tail);
void admin_keys_update_team(void *arg, struct http_request *r, struct str tail);
void admin_audit_tail(void *arg, struct http_request *r, struct str tail);
void admin_audit_prune(void *arg, struct http_request *r, struct str tail);
void admin_prices_list(void *arg, struct http_request *r, struct str tail);
void admin_status_write_providers(struct json_write *w, const struct proxy *p);
void admin_status_providers(void *arg, struct http_request *r, struct str tail);
void admin_status_models(void *arg, struct http_request *r, struct str tail);
void admin_workers_list(void *arg, struct http_request *r, struct str tail);
void admin_workers_ask(void *arg, struct http_request *r, struct str tail);
void admin_usage_query(void *arg, struct http_request *r, struct str tail);
