#include "key_view.h"

#include "base/money.h"

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

static const char *state_text(const struct keyring_key *k, usec_t wall)
{
    switch (keyring_check(k, wall)) {
    case KEYRING_VALID:
        return "valid";
    case KEYRING_REVOKED:
        return "revoked";
    case KEYRING_EXPIRED:
        return "expired";
    }
    return "unknown";
}

static const char *unpriced_text(enum keyring_unpriced u)
{
    static const char *const texts[] = {NULL, "allow", "refuse"};

    return texts[u];
}

static void write_limits(struct json_write *w, const struct keyring_limits *l)
{
    static const char *const budgets[] = {"budget_usd", "budget_daily_usd", "budget_monthly_usd"};

    write_limit(w, "rpm", l->rpm);
    write_limit(w, "tpm", l->tpm);
    write_limit(w, "parallel", l->parallel);
    for (unsigned p = 0; p < PURSE_PERIODS; p++)
        write_amount(w, budgets[p], l->budget.nano[p]);
    json_write_member(w, "zone", zone_name(l->budget.zone));
}

/* What is used of them now. */
static void write_usage(struct json_write *w, struct keyring_usage *u,
                        const struct keyring_limits *l, usec_t wall)
{
    static const char *const spent[] = {"spent_usd", "spent_daily_usd", "spent_monthly_usd"};
    struct purse_owner o = {&u->purse, &l->budget};
    int64_t reserved = 0;

    for (unsigned p = 0; p < PURSE_PERIODS; p++) {
        int64_t used = purse_used(o, p, wall), settled = budget_settled(&u->purse.periods[p]);
        write_amount(w, spent[p], settled);
        if (used - settled > reserved)
            reserved = used - settled;
    }
    write_amount(w, "reserved_usd", reserved);
    json_write_member_u64(w, "in_flight", atomic_load(&u->parallel));
}

void key_view_write(struct json_write *w, const struct keyring_key *k, usec_t wall)
{
    json_write_begin(w, '{');
    json_write_member(w, "id", k->id);
    json_write_member(w, "name", k->name);
    json_write_member(w, "team", k->team ? k->team->name : NULL);
    json_write_member(w, "state", state_text(k, wall));
    json_write_key(w, "models");
    json_write_begin(w, '[');
    for (size_t i = 0; i < k->n_models; i++)
        json_write_text(w, k->models[i]);
    json_write_end(w, ']');
    json_write_member(w, "tags", k->tags);
    write_limits(w, &k->limits);
    json_write_member(w, "unpriced", unpriced_text(k->unpriced));
    json_write_member(w, "outage", k->outage == KEYRING_OPEN ? "open" : "closed");
    write_usage(w, k->usage, &k->limits, wall);
    write_time(w, "created_at", k->created_at);
    write_time(w, "expires_at", k->expires_at);
    write_time(w, "revoked_at", k->revoked_at);
    write_time(w, "old_key_until", k->old_until > wall ? k->old_until : USEC_INFINITY);
    json_write_end(w, '}');
}

void key_view_write_team(struct json_write *w, const struct keyring_team *t, usec_t wall)
{
    json_write_begin(w, '{');
    json_write_member(w, "name", t->name);
    write_limits(w, &t->limits);
    write_usage(w, t->usage, &t->limits, wall);
    write_time(w, "created_at", t->created_at);
    json_write_end(w, '}');
}
