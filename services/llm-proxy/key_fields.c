#include "key_fields.h"

#include "base/json.h"
#include "base/money.h"
#include "base/parse.h"

#include <string.h>

#define MAX_MODELS 64

struct reading {
    struct arena *arena;
    const char *unknown_model;
    const struct snapshot *snapshot;
    usec_t wall;
    struct keystore_request *request;
};

typedef bool (*field_fn)(struct reading *r, const struct json_value *v, void *to);

static bool take_text(struct reading *r, const struct json_value *v, void *to)
{
    struct str s;

    if (!json_string(v, r->arena, &s))
        return false;
    *(const char **)to = arena_copy(r->arena, s);
    return *(const char **)to != NULL && strlen(*(const char **)to) == s.len;
}

static bool take_limit(struct reading *r, const struct json_value *v, void *to)
{
    int64_t n;

    (void)r;
    if (!json_int(v, &n) || n < 0)
        return false;
    *(uint64_t *)to = (uint64_t)n;
    return true;
}

/* Dollars as a number or as text, exactly as spelled. */
static bool take_amount(struct reading *r, const struct json_value *v, void *to)
{
    struct str s = v->raw;

    if (v->type == JSON_STRING && !json_string(v, r->arena, &s))
        return false;
    return money_parse(s, to);
}

static bool take_duration(struct reading *r, const struct json_value *v, void *to)
{
    struct str s;

    return json_string(v, r->arena, &s) && parse_duration(s, to);
}

static bool take_lifetime(struct reading *r, const struct json_value *v, void *to)
{
    usec_t lifetime;

    if (!take_duration(r, v, &lifetime) || lifetime == 0)
        return false;
    *(usec_t *)to = r->wall + lifetime;
    return true;
}

static bool take_models(struct reading *r, const struct json_value *v, void *to)
{
    struct keystore_request *request = r->request;

    (void)to;
    if (!json_is(v, JSON_ARRAY) || v->n_children > MAX_MODELS)
        return false;
    const char **models = arena_alloc(r->arena, MAX_MODELS * sizeof(*models));
    if (!models)
        return false;
    for (const struct json_value *m = v->child; m; m = m->next) {
        const char **model = &models[request->n_models];
        if (!take_text(r, m, model))
            return false;
        if (!snapshot_find_model(r->snapshot, str_from(*model))) {
            r->unknown_model = *model;
            return false;
        }
        request->n_models++;
    }
    request->models = request->n_models > 0 ? models : NULL;
    return true;
}

/* One of two words. */
static bool take_word(struct reading *r, const struct json_value *v, const char *const words[2],
                      unsigned *ret)
{
    struct str s;

    if (!json_string(v, r->arena, &s))
        return false;
    *ret = str_is(s, words[1]);
    return *ret || str_is(s, words[0]);
}

static bool take_outage(struct reading *r, const struct json_value *v, void *to)
{
    static const char *const words[] = {"closed", "open"};
    unsigned n;

    if (!take_word(r, v, words, &n))
        return false;
    *(enum keyring_outage *)to = n ? KEYRING_OPEN : KEYRING_CLOSED;
    return true;
}

static bool take_unpriced(struct reading *r, const struct json_value *v, void *to)
{
    static const char *const words[] = {"allow", "refuse"};
    unsigned n;

    if (!take_word(r, v, words, &n))
        return false;
    *(enum keyring_unpriced *)to = n ? KEYRING_UNPRICED_REFUSE : KEYRING_UNPRICED_ALLOW;
    return true;
}

static bool take_bool(struct reading *r, const struct json_value *v, void *to)
{
    (void)r;
    return json_bool(v, to);
}

#define ON(verb) (1u << KEYSTORE_##verb)
#define ON_KEY   (ON(CREATE) | ON(UPDATE))
#define ON_LIMIT (ON_KEY | ON(CREATE_TEAM) | ON(UPDATE_TEAM))

static const struct {
    const char *key;
    field_fn take;
    size_t offset;
    unsigned field; /* enum keystore_field; 0: cannot be updated */
    unsigned verbs; /* which take it */
    const char *allowed;
} fields[] = {
#define FIELD(key, take, member, field, verbs, allowed)                                            \
    {                                                                                              \
        key, take, offsetof(struct keystore_request, member), field, verbs,                        \
            "'" key "' must be " allowed "."                                                       \
    }
#define COUNT   "a whole number; 0 is unlimited"
#define DOLLARS "dollars, such as 12.50"
    FIELD("name", take_text, name, 0, ON(CREATE) | ON(CREATE_TEAM), "text"),
    FIELD("team", take_text, team, 0, ON(CREATE), "text"),
    FIELD("tags", take_text, tags, KEYSTORE_TAGS, ON_KEY, "text: a comma list"),
    FIELD("models", take_models, models, KEYSTORE_MODELS, ON_KEY,
          "a list of at most 64 configured models"),
    FIELD("rpm", take_limit, rpm, KEYSTORE_RPM, ON_LIMIT, COUNT),
    FIELD("tpm", take_limit, tpm, KEYSTORE_TPM, ON_LIMIT, COUNT),
    FIELD("parallel", take_limit, parallel, KEYSTORE_PARALLEL, ON_LIMIT, COUNT),
    FIELD("budget_usd", take_amount, budget[PURSE_TOTAL], KEYSTORE_BUDGET_TOTAL, ON_LIMIT, DOLLARS),
    FIELD("budget_daily_usd", take_amount, budget[PURSE_DAILY], KEYSTORE_BUDGET_DAILY, ON_LIMIT,
          DOLLARS),
    FIELD("budget_monthly_usd", take_amount, budget[PURSE_MONTHLY], KEYSTORE_BUDGET_MONTHLY,
          ON_LIMIT, DOLLARS),
    FIELD("zone", take_text, zone, KEYSTORE_ZONE, ON_LIMIT, "a zone, such as Europe/Berlin"),
    FIELD("unpriced", take_unpriced, unpriced, KEYSTORE_UNPRICED, ON_KEY, "allow or refuse"),
    FIELD("outage", take_outage, outage, KEYSTORE_OUTAGE, ON_KEY, "closed or open"),
    FIELD("expires", take_lifetime, expires_at, KEYSTORE_EXPIRES, ON_KEY, "a duration such as 30d"),
    FIELD("grace", take_duration, grace, 0, ON(ROTATE), "a duration such as 24h"),
    FIELD("cut", take_bool, cuts_streams, 0, ON(REVOKE), "true or false"),
#undef FIELD
};

/* NULL, or what is wrong. */
static const char *read_field(struct reading *r, const struct json_value *v)
{
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (!str_is(v->key, fields[i].key) || !(fields[i].verbs & (1u << r->request->verb)))
            continue;
        r->request->fields |= fields[i].field;
        r->request->field = fields[i].key;
        if (v->type == JSON_NULL || fields[i].take(r, v, (char *)r->request + fields[i].offset))
            return NULL;
        if (r->unknown_model)
            return arena_printf(r->arena, "'models': no model is called '%s'.", r->unknown_model);
        return fields[i].allowed;
    }
    r->request->field = arena_copy(r->arena, v->key);
    return arena_printf(r->arena, "Unknown field '%.*s'.", STR_ARG(v->key));
}

const char *key_fields_read(struct arena *a, const struct snapshot *s, struct str body, usec_t wall,
                            struct keystore_request *ret)
{
    struct reading r = {.arena = a, .snapshot = s, .wall = wall, .request = ret};
    const struct json_value *root;
    size_t offset;

    if (body.len == 0)
        return NULL;
    if (json_parse(a, body, &root, &offset) != JSON_OK || !json_is(root, JSON_OBJECT))
        return "The body must be a JSON object.";
    for (const struct json_value *v = root->child; v; v = v->next) {
        const char *wrong = read_field(&r, v);
        if (wrong)
            return wrong;
    }
    ret->field = NULL;
    return NULL;
}
