#include "allowance.h"

#include "answer_head.h"
#include "base/decimal.h"
#include "exchange.h"
#include "worker.h"

#define PER_MINUTE (60 * USEC_PER_SEC)
#define MAX_OWNERS 2 /* the key, its team */

struct owner {
    struct keyring_usage *usage;
    struct ratelimit_rate rpm, tpm;
    uint64_t parallel; /* 0: unlimited */
};

static uint64_t or_else(uint64_t limit, uint64_t other)
{
    return limit == KEYRING_DEFAULT ? other : limit;
}

static struct owner describe(struct keyring_usage *usage, const struct keyring_limits *l,
                             uint64_t rpm, uint64_t tpm, uint64_t parallel)
{
    return (struct owner){
        .usage = usage,
        .rpm = {or_else(l->rpm, rpm), PER_MINUTE},
        .tpm = {or_else(l->tpm, tpm), PER_MINUTE},
        .parallel = or_else(l->parallel, parallel),
    };
}

static size_t find_owners(const struct exchange *x, struct owner *ret)
{
    const struct settings *s = x->snapshot->settings;
    size_t n = 0;

    if (!x->key)
        return 0;
    ret[n++] = describe(x->key->usage, &x->key->limits, s->default_limits.rpm,
                        s->default_limits.tpm, s->default_limits.parallel);
    if (x->key->team)
        ret[n++] = describe(x->key->team->usage, &x->key->team->limits, 0, 0, 0);
    return n;
}

static void give_slots(const struct owner *o, size_t n)
{
    for (size_t i = 0; i < n; i++)
        atomic_fetch_sub(&o[i].usage->parallel, 1);
}

/* These return how many of the owners admit. */
static size_t take_slots(const struct owner *o, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t before = atomic_fetch_add(&o[i].usage->parallel, 1);
        if (o[i].parallel > 0 && before >= o[i].parallel) {
            give_slots(o, i + 1);
            return i;
        }
    }
    return n;
}

static size_t take_requests(const struct owner *o, size_t n, usec_t now, usec_t *ret_wait)
{
    for (size_t i = 0; i < n; i++) {
        *ret_wait = ratelimit_take(&o[i].usage->rpm, o[i].rpm, 1, now);
        if (*ret_wait == 0)
            continue;
        for (size_t before = 0; before < i; before++)
            ratelimit_charge(&o[before].usage->rpm, o[before].rpm, -1, now);
        return i;
    }
    return n;
}

static size_t take_tokens(const struct owner *o, size_t n, uint64_t tokens, struct loop *loop,
                          usec_t *ret_wait)
{
    usec_t now = loop_now(loop);

    for (size_t i = 0; i < n; i++) {
        *ret_wait = ratelimit_take(&o[i].usage->tpm, o[i].tpm, tokens, now);
        if (*ret_wait == 0)
            continue;
        for (size_t before = 0; before < i; before++)
            ratelimit_charge(&o[before].usage->tpm, o[before].tpm, -(int64_t)tokens, now);
        for (size_t all = 0; all < n; all++)
            ratelimit_charge(&o[all].usage->rpm, o[all].rpm, -1, now);
        return i;
    }
    return n;
}

static enum allowance_result refuse(enum allowance_result r, size_t owner, usec_t wait,
                                    struct allowance_refusal *ret)
{
    *ret = (struct allowance_refusal){.is_teams = owner > 0, .wait = wait};
    return r;
}

bool allowance_counts_tokens(const struct exchange *x)
{
    struct owner o[MAX_OWNERS];
    size_t n = find_owners(x, o);

    while (n > 0)
        if (o[--n].tpm.units > 0)
            return true;
    return false;
}

enum allowance_result allowance_take(struct exchange *x, struct allowance_refusal *ret)
{
    struct owner o[MAX_OWNERS];
    size_t n = find_owners(x, o), at;
    usec_t wait = 0;

    if ((at = take_slots(o, n)) < n)
        return refuse(ALLOWANCE_PARALLEL, at, USEC_PER_SEC, ret);
    if ((at = take_requests(o, n, loop_now(x->worker->loop), &wait)) < n) {
        give_slots(o, n);
        return refuse(ALLOWANCE_RPM, at, wait, ret);
    }
    if ((at = take_tokens(o, n, x->chat.prompt_tokens, x->worker->loop, &wait)) < n) {
        give_slots(o, n);
        return refuse(wait == USEC_INFINITY ? ALLOWANCE_TOO_LARGE : ALLOWANCE_TPM, at, wait, ret);
    }
    x->holds_slot = n > 0;
    x->tokens_charged = x->chat.prompt_tokens;
    return ALLOWANCE_OK;
}

void allowance_release(struct exchange *x)
{
    struct owner o[MAX_OWNERS];

    if (!x->holds_slot)
        return;
    x->holds_slot = false;
    give_slots(o, find_owners(x, o));
}

void allowance_charge(struct exchange *x)
{
    struct owner o[MAX_OWNERS];
    size_t n = find_owners(x, o);
    int64_t used = x->entry.tokens_in > 0 ? x->entry.tokens_in : 0;

    used += x->entry.tokens_out > 0 ? x->entry.tokens_out : 0;
    for (size_t i = 0; i < n; i++)
        ratelimit_charge(&o[i].usage->tpm, o[i].tpm, used - (int64_t)x->tokens_charged,
                         loop_now(x->worker->loop));
}

/* ---- headers ---- */

static size_t add_number(struct exchange *x, struct http_header *h, size_t n, const char *name,
                         uint64_t number)
{
    char digits[DECIMAL_SIZE];
    size_t len = decimal_u64(number, digits);
    const char *text = arena_copy(&x->arena, (struct str){digits, len});

    if (!text || n == ANSWER_HEAD_MAX)
        return n;
    h[n] = (struct http_header){str_from(name), {text, len}};
    return n + 1;
}

struct bucket {
    const struct ratelimit *state;
    struct ratelimit_rate rate;
};

/* limit, remaining, reset */
static size_t add_bucket(struct exchange *x, struct http_header *h, size_t n,
                         const char *const names[3], const struct bucket *b)
{
    usec_t now = loop_now(x->worker->loop);
    usec_t reset = ratelimit_reset(b->state, now) - now;

    n = add_number(x, h, n, names[0], b->rate.units);
    n = add_number(x, h, n, names[1], ratelimit_remaining(b->state, b->rate, now));
    return add_number(x, h, n, names[2], (reset + USEC_PER_SEC - 1) / USEC_PER_SEC);
}

/* The one with the least left; NULL when none has a limit. */
static const struct bucket *tightest(const struct bucket *b, size_t n, usec_t now)
{
    const struct bucket *found = NULL;
    uint64_t least = UINT64_MAX;

    for (size_t i = 0; i < n; i++) {
        uint64_t left = ratelimit_remaining(b[i].state, b[i].rate, now);
        if (b[i].rate.units == 0 || left >= least)
            continue;
        least = left;
        found = &b[i];
    }
    return found;
}

size_t allowance_add_headers(struct exchange *x, struct http_header *headers, size_t n)
{
    static const char *const of_requests[] = {"x-ratelimit-limit-requests",
                                              "x-ratelimit-remaining-requests",
                                              "x-ratelimit-reset-requests"};
    static const char *const of_tokens[] = {
        "x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"};
    struct owner o[MAX_OWNERS];
    struct bucket requests[MAX_OWNERS], tokens[MAX_OWNERS];
    size_t n_owners = find_owners(x, o);
    usec_t now = loop_now(x->worker->loop);

    for (size_t i = 0; i < n_owners; i++) {
        requests[i] = (struct bucket){&o[i].usage->rpm, o[i].rpm};
        tokens[i] = (struct bucket){&o[i].usage->tpm, o[i].tpm};
    }
    const struct bucket *b = tightest(requests, n_owners, now);
    if (b)
        n = add_bucket(x, headers, n, of_requests, b);
    b = tightest(tokens, n_owners, now);
    return b ? add_bucket(x, headers, n, of_tokens, b) : n;
}

/* ---- words ---- */

const char *allowance_name(enum allowance_result r, bool is_teams)
{
    static const char *const names[][2] = {
        [ALLOWANCE_PARALLEL] = {"parallel", "team_parallel"},
        [ALLOWANCE_RPM] = {"rpm", "team_rpm"},
        [ALLOWANCE_TPM] = {"tpm", "team_tpm"},
        [ALLOWANCE_TOO_LARGE] = {"tpm", "team_tpm"},
    };

    return names[r][is_teams];
}

const char *allowance_text(enum allowance_result r, bool is_teams)
{
    static const char *const texts[][2] = {
        [ALLOWANCE_PARALLEL] = {"Too many requests of this API key are under way.",
                                "Too many requests of this API key's team are under way."},
        [ALLOWANCE_RPM] = {"The requests per minute of this API key are used up.",
                           "The requests per minute of this API key's team are used up."},
        [ALLOWANCE_TPM] = {"The tokens per minute of this API key are used up.",
                           "The tokens per minute of this API key's team are used up."},
        [ALLOWANCE_TOO_LARGE] =
            {"This request alone has more tokens than a minute of this API key.",
             "This request alone has more tokens than a minute of this API key's team."},
    };

    return texts[r][is_teams];
}
