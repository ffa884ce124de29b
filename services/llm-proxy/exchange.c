#include "exchange.h"

#include "admission.h"
#include "allowance.h"
#include "answer_head.h"
#include "base/parse.h"
#include "dispatch.h"
#include "fitting.h"
#include "keycheck.h"
#include "settle.h"
#include "telemetry.h"
#include "worker.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UPSTREAM_GRACE USEC_PER_SEC /* for a connection to finish after its end mark */
#define MAX_SPARE      256
#define MAX_ARENA      (96u << 20)

static const uint16_t legal[EXCHANGE_STATES] = {
#define TO(state) (1u << EXCHANGE_##state)
    [EXCHANGE_ADMITTING] = TO(LOOKING) | TO(FITTING) | TO(RELAYING) | TO(SETTLED),
    [EXCHANGE_LOOKING] = TO(FITTING) | TO(RELAYING) | TO(SETTLED),
    [EXCHANGE_FITTING] = TO(ROUTING) | TO(SETTLED),
    [EXCHANGE_ROUTING] = TO(FITTING) | TO(QUEUED) | TO(ATTEMPTING) | TO(SETTLED),
    [EXCHANGE_QUEUED] = TO(ROUTING) | TO(ATTEMPTING) | TO(SETTLED),
    [EXCHANGE_ATTEMPTING] = TO(ROUTING) | TO(BACKING_OFF) | TO(RELAYING) | TO(SETTLED),
    [EXCHANGE_BACKING_OFF] = TO(ROUTING) | TO(SETTLED),
    [EXCHANGE_RELAYING] = TO(ROUTING) | TO(SETTLED),
#undef TO
};

void exchange_set_state(struct exchange *x, enum exchange_state state)
{
    assert(legal[x->state] & (1u << state));
    x->state = state;
}

static struct loop *loop_of(const struct exchange *x)
{
    return x->worker->loop;
}

/* ---- birth and death ---- */

static void name_request(struct exchange *x)
{
    static const char alphabet[] = "0123456789abcdefghijklmnopqrstuv";
    uint64_t random[2] = {worker_random(x->worker), worker_random(x->worker)};
    char *to = x->request_id;

    memcpy(to, "req_", 4);
    for (unsigned i = 0; i < 24; i++)
        to[4 + i] = alphabet[(random[i / 12] >> (i % 12 * 5)) & 31];
    to[28] = '\0';
}

static struct exchange *take_exchange(struct worker *w)
{
    struct exchange *x = w->spare;

    if (x) {
        w->spare = x->next;
        w->n_spare--;
        struct arena arena = x->arena;
        *x = (struct exchange){.arena = arena};
    } else {
        x = calloc(1, sizeof(*x));
        if (!x)
            abort();
        arena_init(&x->arena, MAX_ARENA);
    }
    x->worker = w;
    x->next = w->exchanges;
    if (x->next)
        x->next->previous = x;
    w->exchanges = x;
    return x;
}

static void reap(void *arg)
{
    struct exchange *x = arg;
    struct worker *w = x->worker;

    attempt_done(&x->attempt);
    relay_done(&x->relay);
    lookup_done(&x->lookup);
    buf_done(&x->errand.body);
    snapshot_unref(&x->snapshot);
    keyring_unref(&x->keyring);
    arena_clear(&x->arena);

    if (x->previous)
        x->previous->next = x->next;
    else
        w->exchanges = x->next;
    if (x->next)
        x->next->previous = x->previous;
    if (w->n_spare < MAX_SPARE) {
        x->next = w->spare;
        w->spare = x;
        w->n_spare++;
    } else {
        exchange_free(&x);
    }
}

void exchange_free(struct exchange **x)
{
    if (!*x)
        return;
    arena_done(&(*x)->arena);
    free(*x);
    *x = NULL;
}

/* Callers up the stack may still look at the exchange, so its end waits for the end of the turn. */
static void end_exchange(struct exchange *x)
{
    if (x->reap.is_queued)
        return;
    loop_timer_stop(&x->timer);
    x->reap = (struct loop_task){.fn = reap, .arg = x};
    loop_defer(loop_of(x), &x->reap);
}

static void on_grace_over(void *arg)
{
    struct exchange *x = arg;

    fetch_cancel(&x->attempt.fetch);
    end_exchange(x);
}

void exchange_upstream_closed(struct exchange *x)
{
    end_exchange(x);
}

/* The books are written; nothing is left but a provider's connection that may end in its own time.
 */
static void settle(struct exchange *x, enum ledger_entry_status status)
{
    upstream_wait_cancel(&x->waiter);
    dispatch_end_repeat(x);
    fitting_cancel(x);
    lookup_stop(x);
    loop_timer_stop(&x->timer);
    loop_timer_stop(&x->deadline);
    if (x->relay.keepalive.loop)
        loop_timer_stop(&x->relay.keepalive);
    exchange_set_state(x, EXCHANGE_SETTLED);
    settle_request(x, status);
    allowance_charge(x);

    if (x->attempt.fetch && !fetch_is_sent(x->attempt.fetch))
        fetch_cancel(&x->attempt.fetch); /* it would go on reading from the client's request */
    if (!x->attempt.fetch) {
        end_exchange(x);
        return;
    }
    fetch_resume(x->attempt.fetch);
    loop_timer_init(&x->timer, loop_of(x), on_grace_over, x);
    loop_timer_start(&x->timer, UPSTREAM_GRACE);
}

/* ---- answers ---- */

static void answer_error(struct exchange *x, enum refusal refusal, struct str json)
{
    struct http_header headers[ANSWER_HEAD_MAX];

    x->http_status = refusal_status(refusal);
    size_t n = answer_head_write(x, "application/json", headers);
    n = admission_add_retry_after(x, refusal, headers, n);
    http_response_send(TAKE(x->client), x->http_status, headers, n, json);
}

static enum ledger_entry_status status_of(const struct exchange *x)
{
    if (x->relay.has_content ||
        x->relay.spoken_at > 0) /* whatever it was that cut the answer short */
        return LEDGER_TRUNCATED;
    return x->attempts > 0 ? LEDGER_ERROR : LEDGER_REFUSED;
}

void exchange_refuse(struct exchange *x, enum refusal refusal, const char *message,
                     const char *param)
{
    struct buf *json = &x->worker->line;

    attempt_cancel(x);
    admission_release(x);
    if (refusal == REFUSAL_BUDGET_EXCEEDED)
        telemetry_budget_hit(x);
    x->error_code = refusal_code(refusal);
    buf_clear(json);
    if (x->inbound->write_error(refusal, message, param, x->request_id, json) != BUF_OK)
        buf_clear(json);
    if (x->client && x->relay.has_begun) {
        x->http_status = 200;
        relay_fail(&x->relay, buf_str(json));
    } else if (x->client) {
        answer_error(x, refusal, buf_str(json));
    }
    settle(x, status_of(x));
}

void exchange_succeed(struct exchange *x)
{
    admission_release(x);
    x->http_status = 200;
    if (x->attempt.is_stream || x->attempt.is_opaque) {
        if (x->attempt.is_opaque)
            http_response_end(TAKE(x->client));
        else
            relay_end(&x->relay);
        lookup_keep(x, buf_str(&x->lookup.recording));
        settle(x, LEDGER_SUCCESS);
        return;
    }
    struct http_header headers[ANSWER_HEAD_MAX];
    size_t n = answer_head_write(x, "application/json", headers);
    n = answer_head_add_cost(x, headers, n);
    http_response_send(TAKE(x->client), 200, headers, n, attempt_answer(&x->attempt));
    lookup_keep(x, attempt_answer(&x->attempt));
    settle(x, LEDGER_SUCCESS);
}

/* In the words of the provider and the shape of the caller's API. */
static bool write_refusal(struct exchange *x, const struct attempt_end *end, struct buf *out)
{
    struct arena *scratch = &x->worker->scratch;
    struct str text = x->dialect->read_error(scratch, end->body);
    enum buf_result r = BUF_FULL;

    if (text.len > 0)
        r = x->inbound->write_error(REFUSAL_INVALID_REQUEST, arena_copy(scratch, text), NULL,
                                    x->request_id, out);
    arena_clear(scratch);
    return r == BUF_OK;
}

/* The request itself is wrong, says the provider: its words, its status. */
void exchange_relay_refusal(struct exchange *x, const struct attempt_end *end)
{
    struct http_header headers[ANSWER_HEAD_MAX];
    struct buf *words = &x->worker->line;
    const struct json_value *root;
    struct str body = end->body;
    size_t offset;

    buf_clear(words);
    bool is_json = json_parse(&x->arena, body, &root, &offset) == JSON_OK;
    if (is_json && x->is_translated) {
        is_json = write_refusal(x, end, words);
        body = buf_str(words);
    }
    if (!is_json || x->relay.has_begun) {
        exchange_refuse(x, REFUSAL_UPSTREAM_ERROR, NULL, NULL);
        return;
    }
    admission_release(x);
    x->http_status = end->failure.status;
    x->error_code = "provider_refused";
    size_t n = answer_head_write(x, "application/json", headers);
    http_response_send(TAKE(x->client), end->failure.status, headers, n, body);
    lookup_share_nothing(x); /* it would be refused whoever asks */
    settle(x, LEDGER_ERROR);
}

/* A recorded stream: as much of it as the client takes, then its end. */
static void replay(struct exchange *x)
{
    if (!relay_replay(&x->relay, &x->lookup.rest))
        return;
    admission_release(x);
    http_response_end(TAKE(x->client));
    settle(x, LEDGER_SUCCESS);
}

void exchange_give(struct exchange *x)
{
    const struct cache_answer *answer = x->lookup.answer;
    struct http_header headers[ANSWER_HEAD_MAX];

    x->http_status = 200;
    x->entry.cost_nano = 0;
    if (answer->at_model < x->plan.n_models)
        x->route.at_model = answer->at_model;
    telemetry_cache_hit(x);
    if (answer->is_stream) {
        exchange_set_state(x, EXCHANGE_RELAYING);
        x->lookup.rest = cache_answer_body(answer);
        replay(x);
        return;
    }
    admission_release(x);
    size_t n = answer_head_write(x, "application/json", headers);
    n = answer_head_add_cost(x, headers, n);
    http_response_send(TAKE(x->client), 200, headers, n, cache_answer_body(answer));
    settle(x, LEDGER_SUCCESS);
}

struct inbound_answer exchange_describe_answer(struct exchange *x)
{
    return (struct inbound_answer){
        .id = x->request_id,
        .model = x->target_model,
        .created = (int64_t)(x->started_wall / USEC_PER_SEC),
        .wants_usage = x->chat.wants_usage,
        .prompt_tokens = (int64_t)x->chat.prompt_tokens,
        .chat = recall_hide(x),
    };
}

void exchange_dispatch(struct exchange *x)
{
    if (!settle_open(x)) {
        exchange_refuse(x, REFUSAL_LEDGER_UNAVAILABLE, NULL, NULL);
        return;
    }
    if (x->chat.is_stream)
        relay_start_keepalive(&x->relay);
    exchange_fit(x);
}

void exchange_route(struct exchange *x)
{
    exchange_set_state(x, EXCHANGE_ROUTING);
    dispatch_next(x);
}

void exchange_fit(struct exchange *x)
{
    exchange_set_state(x, EXCHANGE_FITTING);
    if (!fitting_start(x, x->plan.models[x->route.at_model]))
        exchange_route(x);
}

/* ---- from outside ---- */

void exchange_client_gone(struct exchange *x)
{
    x->client = NULL;
    if (exchange_errand_delays(x, exchange_client_gone))
        return;
    x->http_status = 499;
    x->error_code = "client_closed_request";
    attempt_cancel(x);
    admission_release(x);
    settle(x, LEDGER_CANCELLED);
}

void exchange_client_writable(struct exchange *x)
{
    if (x->lookup.answer && x->state == EXCHANGE_RELAYING)
        replay(x);
    else if (x->attempt.fetch)
        fetch_resume(x->attempt.fetch);
}

void exchange_abandon(struct exchange *x)
{
    if (x->state == EXCHANGE_SETTLED)
        on_grace_over(x);
    else if (!exchange_errand_delays(x, exchange_abandon))
        exchange_refuse(x, REFUSAL_DRAINING, NULL, NULL);
}

void exchange_revoke(struct exchange *x)
{
    if (x->state != EXCHANGE_SETTLED && !exchange_errand_delays(x, exchange_revoke))
        exchange_refuse(x, REFUSAL_INVALID_API_KEY, keycheck_text(KEYCHECK_REVOKED), NULL);
}

static void expire(struct exchange *x)
{
    if (!exchange_errand_delays(x, expire))
        exchange_refuse(x, REFUSAL_DEADLINE_EXCEEDED, NULL, NULL);
}

static void on_deadline(void *arg)
{
    expire(arg);
}

static void set_deadline(struct exchange *x)
{
    uint64_t ms;

    x->deadline_at = USEC_INFINITY;
    if (!parse_u64(http_request_header(x->client, "x-llm-deadline-ms"), &ms) || ms == 0)
        return;
    if (ms > 86400000)
        ms = 86400000;
    loop_timer_init(&x->deadline, loop_of(x), on_deadline, x);
    loop_timer_start(&x->deadline, ms * USEC_PER_MSEC);
    x->deadline_at = loop_now(loop_of(x)) + ms * USEC_PER_MSEC;
}

void exchange_admit(struct exchange *x)
{
    if (!admission_take(x))
        return; /* answered */
    plan_make(&x->plan, x->snapshot, x->chat.root, x->asked);
    x->last_refusal = REFUSAL_NO_HEALTHY_PROVIDER;
    x->plan.tokens = plan_expect(&x->chat);
    x->plan.session = plan_session(x->key ? str_from(x->key->id) : STR_EMPTY,
                                   http_request_header(x->client, "x-llm-session"));
    if (reserve_open(x))
        lookup_start(x);
}

static void read_body(void *arg)
{
    admission_read(arg);
}

static void on_read(struct exchange *x)
{
    x->asked = admission_check(x);
    if (x->asked && !preflight_start(x, x->asked)) /* else it is answered, or being counted */
        exchange_admit(x);
}

void exchange_start(struct worker *w, struct http_request *r, const struct inbound *inbound)
{
    struct exchange *x = take_exchange(w);

    x->client = r;
    x->snapshot = snapshot_ref(w->snapshot);
    x->keyring = keyring_ref(w->keyring);
    x->accepted_at = http_request_accepted_at(r);
    x->started_wall = loop_wall(w->loop);
    x->inbound = inbound;
    attempt_init(&x->attempt);
    relay_init(&x->relay, x);
    lookup_init(&x->lookup);
    loop_timer_init(&x->timer, w->loop, on_grace_over, x);
    loop_timer_init(&x->deadline, w->loop, on_deadline, x);
    ledger_entry_init(&x->entry);
    name_request(x);
    http_request_set_data(r, x);

    if (!admission_check_key(x))
        return; /* answered */
    set_deadline(x);
    x->chat.body = http_request_body(r);
    if (x->chat.body.len >= ERRAND_FROM && !inbound->is_opaque) {
        exchange_errand_start(x, &(struct exchange_errand_steps){read_body, on_read, true});
        return;
    }
    admission_read(x);
    on_read(x);
}
