#include "admin.h"
#include "audit_events.h"
#include "io/http_answer.h"
#include "io/log.h"
#include "key_fields.h"
#include "key_view.h"
#include "proxy.h"

#include <stdlib.h>
#include <string.h>

#define MAX_LIST (64u << 20)

/* A change of keys under way: the keystore's request and the texts it points to. */
struct key_change {
    struct admin_call *call;
    struct arena arena;
    struct keystore_request request;
};

static void answer_view(struct http_request *r, struct json_write *w, struct buf *out)
{
    if (json_write_finish(w) == BUF_OK)
        http_answer_json(r, 200, buf_str(out));
    else
        admin_refuse(r, REFUSAL_OVERLOADED, "There is too much for one answer.");
    buf_done(out);
}

void admin_keys_list(void *arg, struct http_request *r, struct str tail)
{
    const struct proxy *p = arg;
    const struct keyring *ring = p->keyring;
    usec_t wall = loop_wall(p->loop);
    struct buf out;
    struct json_write w;

    (void)tail;
    buf_init(&out, MAX_LIST);
    json_write_init(&w, &out);
    json_write_begin(&w, '[');
    for (size_t i = 0; i < keyring_count(ring); i++)
        key_view_write(&w, keyring_at(ring, i), wall);
    json_write_end(&w, ']');
    answer_view(r, &w, &out);
}

void admin_keys_list_teams(void *arg, struct http_request *r, struct str tail)
{
    const struct proxy *p = arg;
    const struct keyring *ring = p->keyring;
    usec_t wall = loop_wall(p->loop);
    struct buf out;
    struct json_write w;

    (void)tail;
    buf_init(&out, MAX_LIST);
    json_write_init(&w, &out);
    json_write_begin(&w, '[');
    for (size_t i = 0; i < keyring_team_count(ring); i++)
        key_view_write_team(&w, keyring_team_at(ring, i), wall);
    json_write_end(&w, ']');
    answer_view(r, &w, &out);
}

void admin_keys_show(void *arg, struct http_request *r, struct str tail)
{
    const struct proxy *p = arg;
    const struct keyring_key *key = keyring_find_named(p->keyring, tail);
    struct buf out;
    struct json_write w;

    if (!key) {
        admin_refuse(r, REFUSAL_NOT_FOUND, "There is no key of this name or id.");
        return;
    }
    buf_init(&out, 1u << 20);
    json_write_init(&w, &out);
    key_view_write(&w, key, loop_wall(p->loop));
    answer_view(r, &w, &out);
}

void admin_keys_show_team(void *arg, struct http_request *r, struct str tail)
{
    const struct proxy *p = arg;
    const struct keyring_team *team = keyring_find_team(p->keyring, tail);
    struct buf out;
    struct json_write w;

    if (!team) {
        admin_refuse(r, REFUSAL_NOT_FOUND, "There is no team of this name.");
        return;
    }
    buf_init(&out, 1u << 20);
    json_write_init(&w, &out);
    key_view_write_team(&w, team, loop_wall(p->loop));
    answer_view(r, &w, &out);
}

static void free_change(struct key_change *k)
{
    keystore_wipe(&k->request);
    arena_done(&k->arena);
    free(k);
}

/* The one time that the text of a key is told. */
static void answer_text(struct key_change *k)
{
    const struct keyring_key *key =
        keyring_find_named(k->call->proxy->keyring, str_from(k->request.id));
    struct buf out;
    struct json_write w;

    buf_init(&out, 4096);
    json_write_init(&w, &out);
    json_write_begin(&w, '{');
    json_write_member(&w, "id", k->request.id);
    json_write_member(&w, "name", key ? key->name : k->request.name);
    json_write_member(&w, "key", k->request.text);
    json_write_end(&w, '}');
    if (json_write_finish(&w) != BUF_OK)
        buf_clear(&out);
    admin_call_answer(k->call, k->request.verb == KEYSTORE_CREATE ? 201 : 200, buf_str(&out));
    explicit_bzero(out.data, out.cap);
    buf_done(&out);
}

static void answer_problem(struct key_change *k)
{
    switch (k->request.result) {
    case KEYSTORE_OK:
        break;
    case KEYSTORE_NOT_FOUND:
        admin_call_refuse(k->call, REFUSAL_NOT_FOUND, keystore_result_text(k->request.result));
        break;
    case KEYSTORE_EXISTS:
        admin_call_refuse_field(k->call, "name", keystore_result_text(k->request.result));
        break;
    case KEYSTORE_INVALID:
        admin_call_refuse_field(k->call, k->request.field, k->request.problem);
        break;
    case KEYSTORE_UNAVAILABLE:
        admin_call_refuse(k->call, REFUSAL_LEDGER_UNAVAILABLE, NULL);
        break;
    }
}

static void answer_done(struct key_change *k)
{
    switch (k->request.verb) {
    case KEYSTORE_CREATE:
        log_info("key %s created", k->request.id);
        answer_text(k);
        return;
    case KEYSTORE_ROTATE:
        log_info("key %s rotated", k->request.id);
        answer_text(k);
        return;
    case KEYSTORE_UPDATE:
        log_info("key %s updated", k->request.id);
        admin_call_answer(k->call, 200, STR("{\"updated\":true}"));
        return;
    case KEYSTORE_REVOKE:
        log_info("key %s revoked", k->request.id);
        admin_call_answer(k->call, 200, STR("{\"revoked\":true}"));
        return;
    case KEYSTORE_CREATE_TEAM:
        log_info("team %s created", k->request.name);
        admin_call_answer(k->call, 201, STR("{\"created\":true}"));
        return;
    case KEYSTORE_UPDATE_TEAM:
        log_info("team %s updated", k->request.name);
        admin_call_answer(k->call, 200, STR("{\"updated\":true}"));
        return;
    }
}

static void on_changed(struct keystore_request *r)
{
    struct key_change *k = r->arg;

    if (r->result == KEYSTORE_OK) {
        proxy_set_keyring(k->call->proxy, TAKE(r->ring));
        audit_events_key(k->call->proxy->audit, r);
        answer_done(k);
    } else {
        answer_problem(k);
    }
    free_change(k);
}

static void change(struct proxy *p, struct http_request *r, enum keystore_verb verb,
                   struct str name)
{
    struct key_change *k = calloc(1, sizeof(*k));

    if (!k)
        abort();
    k->call = admin_call_new(p, r);
    arena_init(&k->arena, 4u << 20);
    keystore_init(&k->request, verb);
    k->request.loop = p->loop;
    k->request.done = on_changed;
    k->request.arg = k;
    k->request.name = name.len > 0 ? arena_copy(&k->arena, name) : NULL;
    const char *wrong = key_fields_read(&k->arena, p->snapshot, http_request_body(r),
                                        loop_wall(p->loop), &k->request);
    if (!wrong && !k->request.name) {
        wrong = "'name' is required.";
        k->request.field = "name";
    }
    if (wrong) {
        admin_call_refuse_field(k->call, k->request.field, wrong);
        free_change(k);
        return;
    }
    keystore_submit(p->keystore, &k->request);
}

void admin_keys_create(void *arg, struct http_request *r, struct str tail)
{
    (void)tail;
    change(arg, r, KEYSTORE_CREATE, STR_EMPTY);
}

void admin_keys_create_team(void *arg, struct http_request *r, struct str tail)
{
    (void)tail;
    change(arg, r, KEYSTORE_CREATE_TEAM, STR_EMPTY);
}

void admin_keys_update(void *arg, struct http_request *r, struct str tail)
{
    change(arg, r, KEYSTORE_UPDATE, tail);
}

void admin_keys_update_team(void *arg, struct http_request *r, struct str tail)
{
    change(arg, r, KEYSTORE_UPDATE_TEAM, tail);
}

void admin_keys_rotate(void *arg, struct http_request *r, struct str tail)
{
    change(arg, r, KEYSTORE_ROTATE, tail);
}

void admin_keys_revoke(void *arg, struct http_request *r, struct str tail)
{
    change(arg, r, KEYSTORE_REVOKE, tail);
}
