#include "count_tokens.h"

#include "base/json_write.h"
#include "count_task.h"
#include "dialect_anthropic.h"
#include "exchange.h"
#include "inbound_messages.h"
#include "io/http_answer.h"
#include "keycheck.h"
#include "preflight.h"
#include "tokens/estimate.h"
#include "worker.h"

#include <stdlib.h>

static bool read_request(struct arena *a, struct chat_request *ret, struct inbound_fault *reterr)
{
    ret->is_stream = false;
    return inbound_messages_read_messages(a, ret, reterr);
}

/* Only providers of the same dialect are asked; the router passes over any other. */
static bool read_chat(struct arena *a, const struct json_value *root, struct chat *ret,
                      struct inbound_fault *reterr)
{
    (void)a, (void)root, (void)ret;
    *reterr =
        (struct inbound_fault){"No provider of this model that counts can be asked.", "model"};
    return false;
}

static enum buf_result write_error(enum refusal r, const char *message, const char *param,
                                   const char *request_id, struct buf *out)
{
    return inbound_messages.write_error(r, message, param, request_id, out);
}

static const char *const passed_on[] = {"anthropic-version", "anthropic-beta", NULL};

/* Never translated, never streamed: what would write such answers is not here. */
static const struct inbound by_provider = {
    .route = "/v1/messages/count_tokens",
    .api = "messages.count_tokens",
    .dialect = DIALECT_ANTHROPIC,
    .native = &dialect_anthropic_count,
    .read_request = read_request,
    .read_chat = read_chat,
    .write_error = write_error,
    .passes_on = passed_on,
    .id_header = "request-id",
};

static bool has_counting_target(const struct worker *w, const struct settings_model *m)
{
    for (size_t i = 0; i < m->n_targets; i++) {
        size_t provider = m->targets[i].provider_index;
        if (w->snapshot->settings->providers[provider].dialect == DIALECT_ANTHROPIC)
            return true;
    }
    return false;
}

/* ---- here ---- */

static void refuse(struct worker *w, struct http_request *r, enum refusal refusal,
                   const struct inbound_fault *fault)
{
    buf_clear(&w->line);
    if (write_error(refusal, fault->message, fault->param, NULL, &w->line) != BUF_OK)
        buf_clear(&w->line);
    http_answer_json(r, refusal_status(refusal), buf_str(&w->line));
}

static bool parse(struct worker *w, struct http_request *r, struct chat_request *ret)
{
    struct inbound_fault fault = {NULL, NULL};
    struct str body = http_request_body(r);

    switch (chat_request_parse(&w->scratch, body, ret, &fault.message, &fault.param)) {
    case CHAT_REQUEST_NOT_JSON:
        refuse(w, r, REFUSAL_INVALID_JSON, &fault);
        return false;
    case CHAT_REQUEST_INVALID:
        refuse(w, r, REFUSAL_INVALID_REQUEST, &fault);
        return false;
    case CHAT_REQUEST_OK:
        break;
    }
    if (read_request(&w->scratch, ret, &fault))
        return true;
    refuse(w, r, REFUSAL_INVALID_REQUEST, &fault);
    return false;
}

static const struct settings_model *find_model(struct worker *w, struct http_request *r,
                                               const struct keyring_key *key, struct str name)
{
    const struct settings_model *m = snapshot_find_model(w->snapshot, name);
    struct inbound_fault fault = {NULL, NULL};

    if (m && (!key || keyring_may_use(key, str_from(m->name))))
        return m;
    refuse(w, r, m ? REFUSAL_MODEL_NOT_ALLOWED : REFUSAL_MODEL_NOT_FOUND, &fault);
    return NULL;
}

static void answer(struct worker *w, struct http_request *r, uint64_t tokens)
{
    struct json_write j;

    buf_clear(&w->line);
    json_write_init(&j, &w->line);
    json_write_begin(&j, '{');
    json_write_member_u64(&j, "input_tokens", tokens);
    json_write_end(&j, '}');
    if (json_write_finish(&j) != BUF_OK)
        buf_clear(&w->line);
    http_answer_json(r, 200, buf_str(&w->line));
}

/* A message that is being counted on another thread. */
struct count_tokens {
    struct count_tokens *next;
    struct worker *worker;
    struct http_request *client;
    struct count_task *task;
};

static void end(struct count_tokens *c)
{
    struct count_tokens **at = &c->worker->counts;

    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    count_task_cancel(&c->task);
    free(c);
}

static void on_counted(void *arg, const struct count *count)
{
    struct count_tokens *c = arg;
    struct worker *w = c->worker;
    struct http_request *r = c->client;

    c->task = NULL;
    end(c);
    answer(w, r, count->tokens);
}

void count_tokens_gone(struct worker *w, struct http_request *r)
{
    for (struct count_tokens *c = w->counts; c; c = c->next) {
        if (c->client == r) {
            end(c);
            return;
        }
    }
}

void count_tokens_abandon(struct worker *w)
{
    while (w->counts) {
        struct http_request *r = w->counts->client;
        end(w->counts);
        refuse(w, r, REFUSAL_DRAINING, &(struct inbound_fault){NULL, NULL});
    }
}

static bool count_elsewhere(struct worker *w, struct http_request *r,
                            const struct counting_rule *rule, struct str body)
{
    struct count_tokens *c = calloc(1, sizeof(*c));

    if (!c)
        abort();
    *c = (struct count_tokens){.next = w->counts, .worker = w, .client = r};
    const struct count_task_question question = {.body = body, .rule = rule};
    c->task = count_task_start(w, &question, on_counted, c);
    if (!c->task) {
        free(c);
        return false;
    }
    w->counts = c;
    return true;
}

/* What is large, and finds no thread with room, is estimated. */
static void count(struct worker *w, struct http_request *r, const struct settings_model *m,
                  const struct chat_request *chat)
{
    const struct counting_rule *rule = preflight_rule(w, w->snapshot, m);
    bool can_count = tables_can_count(w->tables, rule);

    if (can_count && chat->body.len > COUNT_TASK_FROM && count_elsewhere(w, r, rule, chat->body))
        return;
    if (!can_count || chat->body.len > COUNT_TASK_FROM) {
        answer(w, r, estimate_request_sampled(chat->root));
        return;
    }
    struct counter *c = tables_lend(w->tables, rule);
    uint64_t tokens = counter_request(c, chat->root, UINT64_MAX);
    tables_take_back(w->tables, &c);
    answer(w, r, tokens);
}

void count_tokens_answer(struct worker *w, struct http_request *r)
{
    const struct keyring_key *key = NULL;
    struct chat_request c;

    enum keycheck_result checked = keycheck_find(w, r, &key);
    if (checked != KEYCHECK_OK) {
        struct inbound_fault fault = {keycheck_text(checked), NULL};
        refuse(w, r, REFUSAL_INVALID_API_KEY, &fault);
        return;
    }
    const struct settings_model *m = parse(w, r, &c) ? find_model(w, r, key, c.model) : NULL;
    if (m && has_counting_target(w, m))
        exchange_start(w, r, &by_provider);
    else if (m)
        count(w, r, m, &c);
    arena_clear(&w->scratch);
}
