#include "reserve.h"

#include "base/json.h"
#include "exchange.h"
#include "worker.h"

#define DEFAULT_OUTPUT 4096 /* tokens of an answer when nobody says how long it may get */
#define MAX_ANSWERS    1024
#define MAX_TOKENS     INT64_C(1000000000000)

static usec_t wall(const struct exchange *x)
{
    return loop_wall(x->worker->loop);
}

/* The count may be low by its margin. */
static int64_t input_tokens(const struct exchange *x, const char *model)
{
    uint64_t n = x->chat.prompt_tokens + x->fitting.recall.tokens;

    return (int64_t)((double)n * (1 + preflight_margin(x, model))) + 1;
}

static int64_t count_at(const struct exchange *x, const char *field)
{
    int64_t n;

    if (!json_int(json_get(x->chat.root, field), &n) || n < 1)
        return 1;
    return n < MAX_ANSWERS ? n : MAX_ANSWERS;
}

/* How many answers are written for it: each choice is one, also those that only the best is chosen
 * of, and an old completion takes a list of prompts. */
static int64_t answers(const struct exchange *x)
{
    const struct json_value *prompts = json_get(x->chat.root, "prompt");
    int64_t n = count_at(x, "n"), best_of = count_at(x, "best_of");

    if (best_of > n)
        n = best_of;
    if (json_is(prompts, JSON_ARRAY) && prompts->n_children > 0 &&
        (json_is(prompts->child, JSON_STRING) || json_is(prompts->child, JSON_ARRAY)))
        n *= (int64_t)prompts->n_children;
    return n;
}

/* Each of them may be as long as allowed. */
static int64_t output_tokens(const struct exchange *x, const struct settings_model *m)
{
    int64_t most = x->chat.max_tokens > 0 ? x->chat.max_tokens : (int64_t)m->max_output;
    int64_t n = answers(x);

    if (x->inbound->read_embed)
        return 0;
    if (most == 0)
        most = DEFAULT_OUTPUT;
    return most > MAX_TOKENS / n ? MAX_TOKENS : most * n;
}

static int64_t dearer(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Whichever is dearest: plain, all of the prompt written to the provider's cache, all of the answer
 * reasoning. */
static int64_t worst_at(const struct prices_price *price, int64_t input, int64_t output)
{
    struct prices_tokens plain = {.input = input, .output = output};
    struct prices_tokens written = {.input = input, .output = output, .cache_write = input};
    struct prices_tokens thought = {.input = input, .output = output, .reasoning = output};

    return dearer(prices_cost(price, &plain),
                  dearer(prices_cost(price, &written), prices_cost(price, &thought)));
}

/* What answers no chat may have no price for its output, because it has none. */
static int64_t cost_at(const struct exchange *x, const char *provider, const char *model,
                       int64_t output)
{
    const struct prices_price *price =
        prices_find(x->snapshot->prices, str_from(provider), str_from(model));
    int64_t worst = worst_at(price, input_tokens(x, model), output);

    if (worst == MONEY_UNKNOWN && !x->inbound->read_chat)
        worst = worst_at(price, input_tokens(x, model), 0);
    return worst;
}

/* The dearest target of a model; MONEY_UNKNOWN if none has a price. */
static int64_t worst_of(const struct exchange *x, const struct settings_model *m, int64_t output,
                        size_t *ret_priced)
{
    int64_t worst = MONEY_UNKNOWN;

    *ret_priced = 0;
    for (size_t i = 0; i < m->n_targets; i++) {
        int64_t cost = cost_at(x, m->targets[i].provider, m->targets[i].model, output);
        *ret_priced += cost != MONEY_UNKNOWN;
        if (cost > worst)
            worst = cost;
    }
    return worst;
}

static bool refuses_unpriced(const struct exchange *x)
{
    if (!x->key)
        return false;
    switch (x->key->unpriced) {
    case KEYRING_UNPRICED_ALLOW:
        return false;
    case KEYRING_UNPRICED_REFUSE:
        return true;
    case KEYRING_UNPRICED_DEFAULT:
        break;
    }
    return x->snapshot->settings->refuses_unpriced;
}

static bool hold(struct exchange *x, int64_t amount)
{
    return purse_reserve(&x->reserve.hold, amount, wall(x), &x->reserve.short_period,
                         &x->reserve.short_owner);
}

static void find_owners(const struct exchange *x, struct purse_hold *h)
{
    const struct keyring_key *k = x->key;

    if (!k)
        return;
    h->owners[h->n_owners++] = (struct purse_owner){&k->usage->purse, &k->limits.budget};
    if (k->team)
        h->owners[h->n_owners++] =
            (struct purse_owner){&k->team->usage->purse, &k->team->limits.budget};
}

bool reserve_is_due(const struct exchange *x)
{
    struct purse_hold h = {.n_owners = 0};

    find_owners(x, &h);
    return purse_is_limited(&h);
}

bool reserve_open(struct exchange *x)
{
    const struct settings_model *m = x->plan.models[0];
    size_t n_priced;

    find_owners(x, &x->reserve.hold);
    x->reserve.is_limited = purse_is_limited(&x->reserve.hold);
    x->reserve.output_tokens = output_tokens(x, m);
    if (!x->reserve.is_limited && !refuses_unpriced(x))
        return true;
    int64_t worst = worst_of(x, m, x->reserve.output_tokens, &n_priced);
    if (n_priced == 0 && refuses_unpriced(x)) {
        exchange_refuse(x, REFUSAL_MODEL_NOT_ALLOWED,
                        "The price of this model is unknown, and this API key may use only what "
                        "has a price.",
                        "model");
        return false;
    }
    if (!x->reserve.is_limited)
        return true;
    if (worst != MONEY_UNKNOWN && !hold(x, worst)) {
        exchange_refuse(x, REFUSAL_BUDGET_EXCEEDED, reserve_text(x), NULL);
        return false;
    }
    x->entry.reserved_nano = worst;
    return true;
}

bool reserve_target(struct exchange *x, const struct snapshot_provider *p, const char *model)
{
    if (!x->reserve.is_limited && !refuses_unpriced(x))
        return true;
    /* reserve_open() holds what the dearest of the first model's targets costs. */
    if (x->attempts == 0 && x->route.at_model == 0 && !refuses_unpriced(x))
        return true;
    int64_t output = output_tokens(x, x->plan.models[x->route.at_model]);
    int64_t worst = cost_at(x, p->settings->name, model, output);

    if (worst == MONEY_UNKNOWN) {
        if (!refuses_unpriced(x))
            return true;
        x->last_refusal = REFUSAL_MODEL_NOT_ALLOWED;
        return false;
    }
    if (x->reserve.is_limited && !hold(x, worst)) {
        x->last_refusal = REFUSAL_BUDGET_EXCEEDED;
        return false;
    }
    x->reserve.output_tokens = output;
    return true;
}

static bool extend(struct exchange *x, int64_t output_tokens)
{
    int64_t worst = cost_at(x, x->provider->settings->name, x->target_model, output_tokens);

    if (worst != MONEY_UNKNOWN && !hold(x, worst))
        return false;
    x->reserve.output_tokens = output_tokens;
    return true;
}

bool reserve_covers(struct exchange *x, uint64_t output_tokens)
{
    if (!x->reserve.is_limited || output_tokens <= (uint64_t)x->reserve.output_tokens)
        return true;
    /* Smaller steps towards the end, so that what is left is not left over. */
    for (int64_t step = DEFAULT_OUTPUT / 4; step > 0; step /= 4)
        if (extend(x, (int64_t)output_tokens + step))
            return true;
    return extend(x, (int64_t)output_tokens);
}

void reserve_spend(struct exchange *x, int64_t cost_nano)
{
    if (cost_nano != MONEY_UNKNOWN)
        purse_spend(&x->reserve.hold, cost_nano, wall(x));
}

void reserve_release(struct exchange *x)
{
    purse_release(&x->reserve.hold);
}

const char *reserve_text(const struct exchange *x)
{
    static const char *const texts[][PURSE_PERIODS] = {
        {"The budget of this API key cannot cover what this request may cost.",
         "The daily budget of this API key cannot cover what this request may cost.",
         "The monthly budget of this API key cannot cover what this request may cost."},
        {"The budget of this API key's team cannot cover what this request may cost.",
         "The daily budget of this API key's team cannot cover what this request may cost.",
         "The monthly budget of this API key's team cannot cover what this request may cost."},
    };

    return texts[x->reserve.short_owner][x->reserve.short_period];
}
