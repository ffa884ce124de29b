#include "admin.h"
#include "base/money.h"
#include "base/parse.h"
#include "io/http_answer.h"
#include "io/log.h"
#include "proxy.h"

#include <stdlib.h>
#include <string.h>

#define MAX_MODELS 64

/* A change of keys under way: the keystore's request and the texts it points to. */
struct key_change {
    struct admin_call *call;
    struct arena arena;
    struct keystore_request request;
    const char *models[MAX_MODELS];
};

static void write_amount(struct json_write *w, const char *key, int64_t nano)
{
    char text[32];

    money_format(nano, text);
    json_write_member(w, key, nano == MONEY_UNKNOWN ? NULL : text);
}

static void write_limit(struct json_write *w, const char *key, uint64_t limit)
{
    json_write_key(w, key);
    if (limit == KEYRING_DEFAULT)
        json_write_null(w);
    else
        json_write_u64(w, limit);
}

static void write_time(struct json_write *w, const char *key, usec_t wall)
{
    json_write_key(w, key);
    if (wall == USEC_INFINITY)
        json_write_null(w);
    else
        json_write_u64(w, wall / USEC_PER_SEC);
}

static const char *state_text(const struct keyring_key *k)
{
    switch (keyring_check(k, clock_wall())) {
    case KEYRING_VALID:
        return "valid";
    case KEYRING_REVOKED:
        return "revoked";
    case KEYRING_EXPIRED:
        return "expired";
    }
    return "unknown";
}

static void write_key(struct json_write *w, const struct keyring_key *k)
{
    json_write_begin(w, '{');
    json_write_member(w, "id", k->id);
    json_write_member(w, "name", k->name);
    json_write_member(w, "team", k->team);
    json_write_member(w, "state", state_text(k));
    json_write_key(w, "models");
    json_write_begin(w, '[');
    for (size_t i = 0; i < k->n_models; i++)
        json_write_text(w, k->models[i]);
    json_write_end(w, ']');
    write_limit(w, "rpm", k->rpm);
    write_limit(w, "tpm", k->tpm);
    write_limit(w, "parallel", k->parallel);
    write_amount(w, "budget_usd", k->budget_total);
    write_amount(w, "budget_daily_usd", k->budget_daily);
    write_amount(w, "budget_monthly_usd", k->budget_monthly);
    write_time(w, "created_at", k->created_at);
    write_time(w, "expires_at", k->expires_at);
    write_time(w, "revoked_at", k->revoked_at);
    json_write_end(w, '}');
}

void admin_keys_list(void *arg, struct http_request *r, struct str tail)
{
    const struct proxy *p = arg;
    const struct keyring *ring = p->keyring;
    struct buf out;
    struct json_write w;

    (void)tail;
    buf_init(&out, 64u << 20);
    json_write_init(&w, &out);
    json_write_begin(&w, '[');
    for (size_t i = 0; i < keyring_count(ring); i++)
        write_key(&w, keyring_at(ring, i));
    json_write_end(&w, ']');
    if (json_write_finish(&w) == BUF_OK)
        http_answer_json(r, 200, buf_str(&out));
    else
        admin_refuse(r, REFUSAL_OVERLOADED, "There are too many keys for one list.");
    buf_done(&out);
}

static void free_change(struct key_change *k)
{
    keystore_wipe(&k->request);
    arena_done(&k->arena);
    free(k);
}

static void answer_created(struct key_change *k)
{
    struct buf out;
    struct json_write w;

    buf_init(&out, 4096);
    json_write_init(&w, &out);
    json_write_begin(&w, '{');
    json_write_member(&w, "id", k->request.id);
    json_write_member(&w, "name", k->request.name);
    json_write_member(&w, "key", k->request.text);
    json_write_end(&w, '}');
    if (json_write_finish(&w) != BUF_OK)
        buf_clear(&out);
    admin_call_answer(k->call, 201, buf_str(&out));
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
        admin_call_refuse(k->call, REFUSAL_INVALID_REQUEST,
                          keystore_result_text(k->request.result));
        break;
    case KEYSTORE_INVALID:
        admin_call_refuse(k->call, REFUSAL_INVALID_REQUEST, k->request.problem);
        break;
    case KEYSTORE_UNAVAILABLE:
        admin_call_refuse(k->call, REFUSAL_LEDGER_UNAVAILABLE, NULL);
        break;
    }
}

static void on_changed(struct keystore_request *r)
{
    struct key_change *k = r->arg;

    if (r->result != KEYSTORE_OK) {
        answer_problem(k);
        free_change(k);
        return;
    }
    proxy_set_keyring(k->call->proxy, TAKE(r->ring));
    log_info("key %s %s", r->id, r->verb == KEYSTORE_CREATE ? "created" : "revoked");
    if (r->verb == KEYSTORE_CREATE)
        answer_created(k);
    else
        admin_call_answer(k->call, 200, STR("{\"revoked\":true}"));
    free_change(k);
}

static struct key_change *new_change(struct proxy *p, struct http_request *r,
                                     enum keystore_verb verb)
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
    return k;
}

/* ---- the fields of a creation: one row each ---- */

typedef bool (*field_fn)(struct key_change *k, const struct json_value *v, void *to);

static bool take_text(struct key_change *k, const struct json_value *v, void *to)
{
    struct str s;

    if (!json_string(v, &k->arena, &s))
        return false;
    *(const char **)to = arena_copy(&k->arena, s);
    return *(const char **)to != NULL && strlen(*(const char **)to) == s.len;
}

static bool take_limit(struct key_change *k, const struct json_value *v, void *to)
{
    int64_t n;

    (void)k;
    if (!json_int(v, &n) || n < 0)
        return false;
    *(uint64_t *)to = (uint64_t)n;
    return true;
}

/* Dollars as a number or as text, exactly as spelled. */
static bool take_amount(struct key_change *k, const struct json_value *v, void *to)
{
    struct str s = v->raw;

    if (v->type == JSON_STRING && !json_string(v, &k->arena, &s))
        return false;
    return money_parse(s, to);
}

static bool take_lifetime(struct key_change *k, const struct json_value *v, void *to)
{
    struct str s;
    usec_t lifetime;

    if (!json_string(v, &k->arena, &s) || !parse_duration(s, &lifetime) || lifetime == 0)
        return false;
    *(usec_t *)to = clock_wall() + lifetime;
    return true;
}

static bool take_models(struct key_change *k, const struct json_value *v, void *to)
{
    (void)to;
    if (!json_is(v, JSON_ARRAY) || v->n_children > MAX_MODELS)
        return false;
    for (const struct json_value *m = v->child; m; m = m->next) {
        if (!take_text(k, m, &k->models[k->request.n_models]))
            return false;
        if (!snapshot_find_model(k->call->proxy->snapshot,
                                 str_from(k->models[k->request.n_models])))
            return false;
        k->request.n_models++;
    }
    k->request.models = k->request.n_models > 0 ? k->models : NULL;
    return true;
}

static const struct {
    const char *key;
    field_fn take;
    size_t offset;
    const char *allowed;
} fields[] = {
#define FIELD(key, take, member, allowed)                                                          \
    {                                                                                              \
        key, take, offsetof(struct keystore_request, member), "'" key "' must be " allowed "."     \
    }
    FIELD("name", take_text, name, "text"),
    FIELD("team", take_text, team, "text"),
    FIELD("tags", take_text, tags, "text: a comma list"),
    FIELD("models", take_models, models, "a list of at most 64 configured models"),
    FIELD("rpm", take_limit, rpm, "a whole number; 0 is unlimited"),
    FIELD("tpm", take_limit, tpm, "a whole number; 0 is unlimited"),
    FIELD("parallel", take_limit, parallel, "a whole number; 0 is unlimited"),
    FIELD("budget_usd", take_amount, budget_total, "dollars, such as 12.50"),
    FIELD("budget_daily_usd", take_amount, budget_daily, "dollars, such as 12.50"),
    FIELD("budget_monthly_usd", take_amount, budget_monthly, "dollars, such as 12.50"),
    FIELD("expires", take_lifetime, expires_at, "a duration such as 30d"),
#undef FIELD
};

/* NULL, or what is wrong. */
static const char *read_field(struct key_change *k, const struct json_value *v)
{
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (str_is(v->key, fields[i].key))
            return fields[i].take(k, v, (char *)&k->request + fields[i].offset) ? NULL
                                                                                : fields[i].allowed;
    return arena_printf(&k->arena, "Unknown field '%.*s'.", STR_ARG(v->key));
}

static const char *read_creation(struct key_change *k, struct str body)
{
    const struct json_value *root;
    size_t offset;

    if (json_parse(&k->arena, body, &root, &offset) != JSON_OK || !json_is(root, JSON_OBJECT))
        return "The body must be a JSON object.";
    for (const struct json_value *v = root->child; v; v = v->next) {
        const char *wrong = v->type == JSON_NULL ? NULL : read_field(k, v);
        if (wrong)
            return wrong;
    }
    return k->request.name ? NULL : "'name' is required.";
}

void admin_keys_create(void *arg, struct http_request *r, struct str tail)
{
    struct proxy *p = arg;
    struct key_change *k = new_change(p, r, KEYSTORE_CREATE);
    const char *wrong = read_creation(k, http_request_body(r));

    (void)tail;
    if (wrong) {
        admin_call_refuse(k->call, REFUSAL_INVALID_REQUEST, wrong);
        free_change(k);
        return;
    }
    keystore_submit(p->keystore, &k->request);
}

void admin_keys_revoke(void *arg, struct http_request *r, struct str tail)
{
    struct proxy *p = arg;
    struct key_change *k = new_change(p, r, KEYSTORE_REVOKE);

    k->request.name = arena_copy(&k->arena, tail);
    keystore_submit(p->keystore, &k->request);
}
