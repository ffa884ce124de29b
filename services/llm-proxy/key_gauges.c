#include "key_gauges.h"

#include "proxy_metrics.h"

/* Of the key's own budgets and its team's; MONEY_UNKNOWN: it has none. */
static int64_t left_of(const struct keyring_key *k, usec_t wall)
{
    int64_t own = purse_left((struct purse_owner){&k->usage->purse, &k->limits.budget}, wall);
    int64_t teams = MONEY_UNKNOWN;

    if (keyring_check(k, wall) == KEYRING_REVOKED)
        return MONEY_UNKNOWN;
    if (k->team)
        teams =
            purse_left((struct purse_owner){&k->team->usage->purse, &k->team->limits.budget}, wall);
    if (own == MONEY_UNKNOWN || teams == MONEY_UNKNOWN)
        return own == MONEY_UNKNOWN ? teams : own;
    return own < teams ? own : teams;
}

void key_gauges_refresh(struct metrics_shard *shard, const struct keyring *ring, usec_t wall)
{
    for (size_t i = 0; i < keyring_count(ring); i++) {
        const struct keyring_key *k = keyring_at(ring, i);
        const char *labels[] = {k->id};
        int64_t left = left_of(k, wall);
        if (left != MONEY_UNKNOWN) {
            metrics_gauge(shard, METRIC_api_key_budget_remaining_usd,
                          (double)left / (double)MONEY_NANO_PER_USD, k->id);
            metrics_find(shard, METRIC_api_key_cost_total, labels); /* zero before it spends */
        } else if (k->usage->has_gauge)
            metrics_remove(metrics_find(shard, METRIC_api_key_budget_remaining_usd, labels));
        k->usage->has_gauge = left != MONEY_UNKNOWN;
    }
}
