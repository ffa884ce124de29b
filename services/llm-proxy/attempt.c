#include "attempt.h"

#include "dispatch.h"
#include "exchange.h"
#include "passthrough.h"
#include "provider_error.h"
#include "settle.h"
#include "telemetry.h"
#include "worker.h"

#include <assert.h>

static_assert(DIALECT_MAX_PIECES <= FETCH_MAX_PIECES, "a dialect's request fits a fetch");

#define MAX_ANSWER  (64u << 20)
#define MAX_REFUSAL (64u << 10)
#define MAX_SCRATCH (4 * MAX_ANSWER) /* to read one */

/* How long a finished answer waits for what may follow it. */
#define END_MARK_GRACE (100 * USEC_PER_MSEC)
#define USAGE_GRACE    (500 * USEC_PER_MSEC)

void attempt_init(struct attempt *a)
{
    *a = (struct attempt){.fetch = NULL};
    buf_init(&a->body, MAX_ANSWER);
    buf_init(&a->answer, MAX_ANSWER);
}

void attempt_done(struct attempt *a)
{
    assert(!a->fetch && !a->holds_place);
    buf_done(&a->body);
    buf_done(&a->answer);
}

struct str attempt_answer(const struct attempt *a)
{
    return buf_str(a->answer.len > 0 ? &a->answer : &a->body);
}

bool attempt_set_answer(struct attempt *a, struct str text)
{
    buf_clear(&a->answer);
    return buf_add_str(&a->answer, text) == BUF_OK;
}

void attempt_keep_words(struct attempt *a, struct str words)
{
    buf_clear(&a->body);
    if (words.len > MAX_REFUSAL || buf_add_str(&a->body, words) != BUF_OK)
        buf_clear(&a->body);
}

/* What the router compares targets by: how long a caller waits for something to read. */
static usec_t latency_of(const struct exchange *x, usec_t duration)
{
    usec_t first = x->relay.first_token_at;

    return x->attempt.is_stream && first > x->attempt.started_at ? first - x->attempt.started_at
                                                                 : duration;
}

/* Give the place back and book how the attempt went. Once per attempt. */
static void end_attempt(struct exchange *x, const struct failure *f)
{
    struct attempt *a = &x->attempt;
    usec_t now = loop_now(x->worker->loop);
    usec_t duration = now - a->started_at;

    if (!a->holds_place)
        return;
    a->holds_place = false;
    x->upstream_time += duration;
    enum standing_obstacle arisen = upstream_release(x->target, f, latency_of(x, duration), now);
    if (arisen != STANDING_CLEAR)
        telemetry_breaker_opened(x, arisen);
    settle_attempt(x, f->kind, duration);
}

static void close_attempt(struct exchange *x, const struct failure *f)
{
    if (x->attempt.fetch)
        x->attempt.was_connected = fetch_connected_at(x->attempt.fetch) > 0;
    fetch_cancel(&x->attempt.fetch);
    end_attempt(x, f);
}

void attempt_cancel(struct exchange *x)
{
    close_attempt(x, &(struct failure){OUTCOME_CANCELLED, .blame = FAILURE_OF_NOBODY});
}

void attempt_succeed(struct exchange *x)
{
    end_attempt(x, &(struct failure){OUTCOME_OK, .blame = FAILURE_NONE});
}

static struct str keep_header(struct exchange *x, struct fetch *f, const char *name)
{
    struct str value = fetch_header(f, name);
    const char *copy = value.data ? arena_copy(&x->arena, value) : NULL;

    return copy ? (struct str){copy, value.len} : STR_EMPTY;
}

static struct retry_after hints_of(const struct fetch *f)
{
    if (!f)
        return (struct retry_after){.retry_after = STR_EMPTY};
    return (struct retry_after){
        .retry_after = fetch_header(f, "retry-after"),
        .retry_after_ms = fetch_header(f, "retry-after-ms"),
        .remaining_requests = fetch_header(f, "x-ratelimit-remaining-requests"),
        .reset_requests = fetch_header(f, "x-ratelimit-reset-requests"),
        .remaining_tokens = fetch_header(f, "x-ratelimit-remaining-tokens"),
        .reset_tokens = fetch_header(f, "x-ratelimit-reset-tokens"),
    };
}

static struct failure read_failure(struct exchange *x, struct fetch *f, enum outcome_kind kind,
                                   bool is_silent)
{
    struct failure_answer answer = {
        .kind = kind,
        .status = x->attempt.status,
        .is_silent = is_silent,
        .dialect = x->provider->settings->dialect,
        .body = buf_str(&x->attempt.body),
        .headers = hints_of(f),
    };
    struct failure failure = failure_read(&answer, &x->worker->scratch, loop_wall(x->worker->loop));

    arena_clear(&x->worker->scratch);
    return failure;
}

/* The connection is closed before the next step is decided, so that no path can forget it. `f`
 * NULL: it is over, and its head gone with it. */
static void fail_after(struct exchange *x, struct fetch *f, enum outcome_kind kind, bool is_silent)
{
    struct attempt_end end = {
        .failure = read_failure(x, f, kind, is_silent),
        .body = buf_str(&x->attempt.body),
        .content_type = f ? keep_header(x, f, "content-type") : STR_EMPTY,
    };

    close_attempt(x, &end.failure);
    dispatch_after_failure(x, &end);
}

static void fail(struct exchange *x, struct fetch *f, enum outcome_kind kind)
{
    fail_after(x, f, kind, false);
}

/* The request is too long, says a stream before anything else: that is a refusal like any other. */
static bool is_refused_window(struct exchange *x)
{
    struct arena *scratch = &x->worker->scratch;
    const struct json_value *body;
    size_t at;

    bool is_window =
        !x->relay.has_forwarded && x->attempt.body.len > 0 &&
        json_parse(scratch, buf_str(&x->attempt.body), &body, &at) == JSON_OK &&
        provider_error_read(x->provider->settings->dialect, scratch, body) == PROVIDER_ERROR_WINDOW;
    arena_clear(scratch);
    return is_window;
}

/* A stream that breaks a rule, or reports an error itself. */
static void fail_stream(struct exchange *x, struct fetch *f)
{
    if (!x->relay.has_error) {
        fail(x, f, OUTCOME_INVALID);
    } else if (is_refused_window(x)) {
        x->attempt.status = 400;
        fail(x, f, OUTCOME_HTTP_4XX);
    } else {
        fail(x, f, OUTCOME_HTTP_5XX);
    }
}

static enum outcome_kind outcome_of_status(int status)
{
    if (status == 429)
        return OUTCOME_HTTP_429;
    if (status >= 400 && status < 500)
        return OUTCOME_HTTP_4XX;
    if (status >= 500)
        return OUTCOME_HTTP_5XX;
    return OUTCOME_INVALID; /* 1xx is swallowed, 3xx is not followed, 2xx other than 200 is no
                               answer */
}

static enum outcome_kind outcome_of_result(enum fetch_result result)
{
    switch (result) {
    case FETCH_OK:
        return OUTCOME_OK;
    case FETCH_RESOLVE:
    case FETCH_CONNECT:
    case FETCH_CONNECT_TIMEOUT:
    case FETCH_TLS:
        return OUTCOME_CONNECT;
    case FETCH_FIRST_BYTE_TIMEOUT:
    case FETCH_IDLE_TIMEOUT:
    case FETCH_TOTAL_TIMEOUT:
        return OUTCOME_TIMEOUT;
    case FETCH_RESET:
        return OUTCOME_TRUNCATED;
    case FETCH_INVALID:
    case FETCH_TOO_LARGE:
        return OUTCOME_INVALID;
    }
    return OUTCOME_INVALID;
}

static void on_head(void *arg, struct fetch *f, int status)
{
    struct exchange *x = arg;
    struct attempt *a = &x->attempt;

    a->status = status;
    a->is_opaque = status == 200 && passthrough_is_relayed(x, f);
    a->is_stream = status == 200 && x->chat.is_stream &&
                   str_has_prefix_nocase(fetch_header(f, "content-type"),
                                         frames_content_type(x->dialect->framing));
    if (status == 200 && x->chat.is_stream && !a->is_stream)
        fail(x, f, OUTCOME_INVALID); /* whatever it is, it may go on for ever */
}

/* What is still to come of the connection is of no interest; it has until the next attempt. */
static void finish_stream(struct exchange *x)
{
    loop_timer_stop(&x->timer);
    if (x->attempt.fetch)
        fetch_resume(x->attempt.fetch);
    attempt_succeed(x);
    if (!recall_start(x))
        exchange_succeed(x);
}

static void on_end_mark_overdue(void *arg)
{
    finish_stream(arg);
}

/* After a finished answer its usage and the end mark should follow at once, but need not come. */
static void await_end_mark(struct exchange *x)
{
    usec_t now = loop_now(x->worker->loop);
    usec_t due = x->relay.finished_at + (x->relay.has_usage ? END_MARK_GRACE : USAGE_GRACE);

    loop_timer_stop(&x->timer);
    if (!relay_is_finished(&x->relay))
        return;
    loop_timer_init(&x->timer, x->worker->loop, on_end_mark_overdue, x);
    loop_timer_start(&x->timer, due > now ? due - now : 0);
}

/* The stream is over, by its end mark or by the end of the connection. */
static void end_stream(struct exchange *x, struct fetch *f, enum outcome_kind unfinished)
{
    if (!relay_is_finished(&x->relay)) {
        fail(x, f, unfinished);
        return;
    }
    finish_stream(x);
}

static void on_stream_body(struct exchange *x, struct fetch *f, struct str bytes)
{
    enum relay_result result = relay_feed(&x->relay, bytes);

    if (x->relay.has_forwarded && x->state == EXCHANGE_ATTEMPTING)
        exchange_set_state(x, EXCHANGE_RELAYING);
    switch (result) {
    case RELAY_OK:
        if (!reserve_covers(x, x->relay.content_tokens)) {
            exchange_refuse(x, REFUSAL_BUDGET_EXCEEDED, reserve_text(x), NULL);
            return;
        }
        await_end_mark(x);
        if (http_response_is_full(x->client))
            fetch_pause(f);
        return;
    case RELAY_DONE:
        end_stream(x, f, OUTCOME_TRUNCATED);
        return;
    case RELAY_FAILED:
        fail_stream(x, f);
        return;
    }
}

static void on_body(void *arg, struct fetch *f, struct str bytes)
{
    struct exchange *x = arg;
    struct attempt *a = &x->attempt;

    if (!a->holds_place) /* finished: what follows the end mark is of no interest */
        return;
    if (a->is_stream) {
        on_stream_body(x, f, bytes);
        return;
    }
    if (a->is_opaque) {
        passthrough_relay(x, f, bytes);
        return;
    }
    size_t max = a->status == 200 ? MAX_ANSWER : MAX_REFUSAL;
    if (bytes.len > max - (a->body.len < max ? a->body.len : max) ||
        buf_add_str(&a->body, bytes) != BUF_OK)
        fail(x, f, a->status == 200 ? OUTCOME_INVALID : outcome_of_status(a->status));
}

static void read_answer(struct exchange *x, struct arena *scratch)
{
    struct attempt *a = &x->attempt;

    a->is_answer =
        relay_read_answer(&x->relay, buf_str(&a->body), a->whole_at, scratch, &a->answer);
}

static void read_elsewhere(void *arg)
{
    struct arena scratch;

    arena_init(&scratch, MAX_SCRATCH);
    read_answer(arg, &scratch);
    arena_done(&scratch);
}

static void give(struct exchange *x)
{
    if (!x->attempt.is_answer) {
        fail(x, NULL, OUTCOME_INVALID);
        return;
    }
    x->relay.first_token_at = x->attempt.whole_at;
    attempt_succeed(x);
    if (!recall_start(x))
        exchange_succeed(x);
}

static void on_whole_answer(struct exchange *x, struct fetch *f)
{
    struct attempt *a = &x->attempt;

    if (a->status != 200) {
        fail(x, f, outcome_of_status(a->status));
        return;
    }
    a->whole_at = loop_now(x->worker->loop);
    a->was_connected = true; /* it has been paid for, should the caller leave now */
    if (a->body.len >= ERRAND_FROM) {
        exchange_errand_start(x, &(struct exchange_errand_steps){read_elsewhere, give, true});
        return;
    }
    read_answer(x, &x->worker->scratch);
    arena_clear(&x->worker->scratch);
    give(x);
}

/* What was held back for want of an end may still be the answer's last word. */
static void on_stream_end(struct exchange *x, struct fetch *f, enum fetch_result result)
{
    if (result != FETCH_OK)
        end_stream(x, f, outcome_of_result(result));
    else if (relay_feed_end(&x->relay) == RELAY_FAILED)
        fail_stream(x, f);
    else
        end_stream(x, f, OUTCOME_TRUNCATED);
}

static bool is_silence(enum fetch_result result)
{
    return result == FETCH_CONNECT_TIMEOUT || result == FETCH_FIRST_BYTE_TIMEOUT;
}

static void on_done(void *arg, struct fetch *f, enum fetch_result result)
{
    struct exchange *x = arg;
    struct attempt *a = &x->attempt;

    a->fetch = NULL;
    if (x->state == EXCHANGE_SETTLED)
        exchange_upstream_closed(x);
    else if (!a->holds_place)
        return;
    else if (a->is_stream)
        on_stream_end(x, f, result);
    else if (result != FETCH_OK)
        fail_after(x, f, outcome_of_result(result), is_silence(result));
    else if (a->is_opaque)
        passthrough_end(x, f);
    else
        on_whole_answer(x, f);
}

#define OWN_HEADERS 3
#define MAX_HEADERS (OWN_HEADERS + DIALECT_MAX_HEADERS + CREDENTIAL_MAX_HEADERS)

static const char *accept_of(const struct exchange *x)
{
    if (x->inbound->is_opaque)
        return "*/*";
    return x->chat.is_stream ? frames_content_type(x->dialect->framing) : "application/json";
}

static bool write_headers(struct exchange *x, struct http_header *ret, size_t *ret_n)
{
    struct str type = x->call.content_type.len > 0 ? x->call.content_type : STR("application/json");
    size_t n = OWN_HEADERS, n_proof;

    ret[0] = (struct http_header){STR("content-type"), type};
    ret[1] = (struct http_header){STR("accept"), str_from(accept_of(x))};
    ret[2] = (struct http_header){STR("user-agent"), STR("llm-proxy/" SUITE_VERSION)};
    for (size_t i = 0; i < x->call.n_headers; i++)
        ret[n++] = (struct http_header){x->call.headers[i].name, x->call.headers[i].value};
    if (!credential_write(&x->provider->credential, &x->arena, &x->call,
                          (int64_t)(loop_wall(x->worker->loop) / USEC_PER_SEC), ret + n, &n_proof))
        return false;
    *ret_n = n + n_proof;
    return true;
}

static void give_up_place(struct exchange *x, enum refusal refusal)
{
    x->attempt.holds_place = false;
    upstream_release(x->target, &(struct failure){.blame = FAILURE_OF_NOBODY}, 0,
                     x->attempt.started_at);
    exchange_refuse(x, refusal, NULL, NULL);
}

void attempt_start(struct exchange *x)
{
    static const struct fetch_handler handler = {on_head, on_body, on_done};
    struct attempt *a = &x->attempt;
    struct http_header headers[MAX_HEADERS];
    struct fetch_request request = {
        .origin = &x->provider->origin,
        .method = "POST",
        .path = x->call.path,
        .headers = headers,
        .n_body = x->call.n_body,
    };

    fetch_cancel(&a->fetch); /* of a stream that was over, and that this one goes on */
    a->holds_place = true;
    a->started_at = loop_now(x->worker->loop);
    a->status = 0;
    a->is_stream = a->was_connected = false;
    a->is_opaque = a->is_line_too_long = a->is_between_events = false;
    buf_clear(&a->body);
    buf_clear(&a->answer);
    relay_restart(&x->relay);
    if (!write_headers(x, headers, &request.n_headers)) {
        give_up_place(x, REFUSAL_OVERLOADED);
        return;
    }
    if (!settle_extend(x)) {
        give_up_place(x, REFUSAL_LEDGER_UNAVAILABLE);
        return;
    }
    x->attempts++;

    for (size_t i = 0; i < request.n_body; i++)
        request.body[i] = x->call.body[i];
    a->fetch = fetch_start(x->worker->fetches, &request, &handler, x);
}
