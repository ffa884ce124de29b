#include "spending.h"

#include "base/map.h"
#include "ledger_totals.h"

#include <assert.h>
#include <stdlib.h>

#define MAX_MOMENTS 2048 /* twice as many as there are zones, and one */

struct spending {
    const struct keyring *ring;
    struct map keys; /* by id */
    usec_t wall;
    usec_t moments[MAX_MOMENTS]; /* at which some period of someone began */
    size_t n_moments;
    usec_t since; /* the one that is being read */
};

static struct purse_owner key_owner(const struct keyring_key *k)
{
    return (struct purse_owner){&k->usage->purse, &k->limits.budget};
}

static struct purse_owner team_owner(const struct keyring_team *t)
{
    return (struct purse_owner){&t->usage->purse, &t->limits.budget};
}

static void note_moment(struct spending *s, usec_t moment)
{
    for (size_t i = 0; i < s->n_moments; i++)
        if (s->moments[i] == moment)
            return;
    assert(s->n_moments < MAX_MOMENTS);
    s->moments[s->n_moments++] = moment;
}

static void begin(struct spending *s, struct purse_owner o)
{
    for (unsigned p = 0; p < PURSE_PERIODS; p++) {
        budget_load(&o.purse->periods[p], 0, purse_period_end(o.limits, p, s->wall));
        note_moment(s, purse_period_start(o.limits, p, s->wall));
    }
}

static void add_to(const struct spending *s, struct purse_owner o, int64_t nano)
{
    for (unsigned p = 0; p < PURSE_PERIODS; p++)
        if (purse_period_start(o.limits, p, s->wall) == s->since)
            budget_settle(&o.purse->periods[p], 0, nano);
}

static void add(void *arg, const struct ledger_totals *t)
{
    struct spending *s = arg;
    const struct keyring_key *key = map_find(&s->keys, t->key_id);
    int64_t nano = money_add(t->cost_nano, t->unsettled_nano);

    if (!key)
        return;
    add_to(s, key_owner(key), nano);
    if (key->team)
        add_to(s, team_owner(key->team), nano);
}

static enum db_result read_all(struct spending *s, struct db *db)
{
    for (size_t i = 0; i < s->n_moments; i++) {
        s->since = s->moments[i];
        enum db_result r = ledger_totals_read(db, s->since, add, s);
        if (r)
            return r;
    }
    return DB_OK;
}

enum db_result spending_load(struct db *db, const struct keyring *ring, usec_t wall)
{
    struct spending *s = calloc(1, sizeof(*s));

    assert(s);
    s->ring = ring;
    s->wall = wall;
    map_init(&s->keys);
    for (size_t i = 0; i < keyring_count(ring); i++) {
        const struct keyring_key *key = keyring_at(ring, i);
        map_add(&s->keys, str_from(key->id), (void *)key);
        begin(s, key_owner(key));
    }
    for (size_t i = 0; i < keyring_team_count(ring); i++)
        begin(s, team_owner(keyring_team_at(ring, i)));
    enum db_result r = read_all(s, db);
    map_done(&s->keys);
    free(s);
    return r;
}
