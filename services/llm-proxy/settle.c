#include "settle.h"

#include "base/money.h"
#include "exchange.h"
#include "io/log.h"
#include "telemetry.h"
#include "worker.h"

static void describe(struct exchange *x)
{
    struct ledger_entry *e = &x->entry;

    e->request_id = str_from(x->request_id);
    e->key_id = x->key ? str_from(x->key->id) : STR_EMPTY;
    e->api = str_from(x->inbound->api);
    e->model = x->plan.asked ? str_from(x->plan.asked->name) : STR_EMPTY;
    e->complexity = x->plan.is_scored ? str_from(plan_complexity(&x->plan)) : STR_EMPTY;
    e->cache = str_from(lookup_source_text(x->lookup.source));
    e->started_at = x->started_wall;
    e->is_stream = x->chat.is_stream;
    e->tags = x->tags;
}

bool settle_open(struct exchange *x)
{
    describe(x);
    return ledger_entry_open(&x->entry, x->worker->spool) == SPOOL_OK;
}

/* More follows, so it gets a record of its own. */
static void write_held_attempt(struct exchange *x)
{
    if (x->holds_attempt)
        ledger_entry_add_attempt(&x->entry, x->worker->spool, &x->last_attempt);
    x->holds_attempt = false;
}

bool settle_extend(struct exchange *x)
{
    write_held_attempt(x);
    /* The first attempt's room came with the intent. */
    return x->attempts == 0 || ledger_entry_extend(&x->entry, x->worker->spool) == SPOOL_OK;
}

/* Whether the provider will bill for it: it answered, or it worked until we hung up. */
static bool is_billed(const struct exchange *x, enum outcome_kind kind)
{
    switch (kind) {
    case OUTCOME_OK:
        return true;
    case OUTCOME_CANCELLED:
        return x->attempt.was_connected;
    case OUTCOME_CONNECT:
    case OUTCOME_TIMEOUT:
    case OUTCOME_HTTP_4XX:
    case OUTCOME_HTTP_429:
    case OUTCOME_HTTP_5XX:
    case OUTCOME_INVALID:
    case OUTCOME_TRUNCATED:
        return x->relay.has_content;
    }
    return false;
}

static void count_tokens(struct exchange *x, struct ledger_attempt *a)
{
    struct relay *r = &x->relay;

    r->has_usage = r->has_usage && chat_event_is_credible(&r->usage);
    if (r->has_usage) {
        a->tokens_in = r->usage.input;
        a->tokens_out = r->usage.output;
        a->tokens_cached = r->usage.cached;
        x->entry.usage_source = LEDGER_SOURCE_UPSTREAM;
        if (r->usage.is_partial) { /* the rest never came */
            a->tokens_out = (int64_t)r->content_tokens;
            x->entry.usage_source = LEDGER_SOURCE_LOCAL;
        }
        return;
    }
    a->tokens_in = (int64_t)fitting_prompt_tokens(x);
    a->tokens_out = (int64_t)r->content_tokens;
    a->tokens_cached = 0;
    x->entry.usage_source = LEDGER_SOURCE_LOCAL;
}

static int64_t cost_of(const struct exchange *x, const struct ledger_attempt *a)
{
    if (x->inbound->is_opaque && !x->relay.has_usage)
        return MONEY_UNKNOWN; /* billed by the second, the picture, the search */

    struct prices_tokens t = {
        .input = a->tokens_in,
        .output = a->tokens_out,
        .cache_read = a->tokens_cached,
        .cache_write = x->relay.has_usage ? x->relay.usage.cache_write : 0,
        .reasoning = x->relay.has_usage ? x->relay.usage.reasoning : 0,
    };

    return prices_cost(prices_find(x->snapshot->prices, str_from(x->provider->settings->name),
                                   str_from(x->target_model)),
                       &t);
}

static int64_t add_count(int64_t sum, int64_t n)
{
    return sum == LEDGER_ENTRY_NO_COUNT ? n : sum + n;
}

static void add_to_request(struct exchange *x, const struct ledger_attempt *a)
{
    struct ledger_entry *e = &x->entry;

    e->cost_nano = e->tokens_in == LEDGER_ENTRY_NO_COUNT ? a->cost_nano
                                                         : money_add(e->cost_nano, a->cost_nano);
    e->tokens_in = add_count(e->tokens_in, a->tokens_in);
    e->tokens_out = add_count(e->tokens_out, a->tokens_out);
    e->tokens_cached = add_count(e->tokens_cached, a->tokens_cached);
    if (x->relay.has_usage)
        e->tokens_reasoning = add_count(e->tokens_reasoning, x->relay.usage.reasoning);
}

/* Nothing was done for us: that is zero, not unknown. */
static void cost_nothing(int64_t *tokens_in, int64_t *tokens_out, int64_t *cost_nano)
{
    *tokens_in = *tokens_out = *cost_nano = 0;
}

static usec_t since_start(const struct exchange *x, usec_t when)
{
    return when > 0 ? when - x->accepted_at : USEC_INFINITY;
}

void settle_attempt(struct exchange *x, enum outcome_kind kind, usec_t duration)
{
    struct ledger_attempt *a = &x->last_attempt;

    ledger_entry_init_attempt(a);
    a->number = (uint16_t)x->attempts;
    a->provider = str_from(x->provider->settings->name);
    a->model = str_from(x->target_model);
    a->outcome = str_from(outcome_kind_text(kind));
    a->started_at = loop_wall(x->worker->loop) - duration;
    a->duration = duration;
    a->ttft = x->relay.first_token_at > x->attempt.started_at
                  ? x->relay.first_token_at - x->attempt.started_at
                  : USEC_INFINITY;
    a->http_status = (uint16_t)x->attempt.status;
    if (is_billed(x, kind)) {
        count_tokens(x, a);
        if (kind == OUTCOME_OK)
            bills_add(x->worker->bills, x);
        a->cost_nano = cost_of(x, a);
        add_to_request(x, a);
        reserve_spend(x, a->cost_nano);
    } else {
        cost_nothing(&a->tokens_in, &a->tokens_out, &a->cost_nano);
    }
    x->holds_attempt = true;
    if (kind != OUTCOME_OK) /* it may be long until the next one */
        write_held_attempt(x);
    telemetry_attempt(x, kind, a);
}

/* A row belongs to a key, and what was opened or found in the cache is settled. What is refused
 * because the ledger cannot be written would only fill the spool that the outage keeps from
 * draining. */
static bool is_recorded(const struct exchange *x)
{
    if (x->entry.id != 0 || x->lookup.answer)
        return true;
    return x->key && ledger_is_available(x->worker->ledger, loop_now(x->worker->loop));
}

void settle_request(struct exchange *x, enum ledger_entry_status status)
{
    struct ledger_entry *e = &x->entry;

    describe(x);
    e->status = status;
    e->duration = loop_now(x->worker->loop) - x->accepted_at;
    e->ttft = since_start(x, x->relay.spoken_at > 0 ? x->relay.spoken_at : x->relay.first_token_at);
    e->http_status = (uint16_t)x->http_status;
    e->attempts = (uint16_t)x->attempts;
    e->error = str_from(x->error_code);
    if (e->tokens_in == LEDGER_ENTRY_NO_COUNT)
        cost_nothing(&e->tokens_in, &e->tokens_out, &e->cost_nano);
    if (x->attempts > 0) {
        e->provider = str_from(x->provider->settings->name);
        e->backend = str_from(catalogue_backend_text(x->provider->settings->backend));
    }
    if (is_recorded(x)) {
        /* A refusal or an answer found that no longer fits costs no money: the log entry below is
         * its record. */
        const struct ledger_attempt *last = x->holds_attempt ? &x->last_attempt : NULL;
        if (ledger_entry_settle(e, x->worker->spool, last) != SPOOL_OK)
            log_warning("the spool is full: no ledger row for request %s", x->request_id);
    }
    telemetry_request(x);
}
