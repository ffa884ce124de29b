#include "count_tokens.h"

#include "base/json_write.h"
#include "dialect_anthropic.h"
#include "exchange.h"
#include "inbound_messages.h"
#include "io/http_answer.h"
#include "keycheck.h"
#include "preflight.h"
#include "tokens/estimate.h"
#include "worker.h"

#include <stdlib.h>

#define MAX_ARENA (256u << 20)

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

/* What it asks, read out of its body. */
struct question {
    struct arena *arena;
    struct chat_request chat;
    enum chat_request_result result;
    struct inbound_fault fault;
};

static void read_question(struct question *q, struct str body)
{
    q->result = chat_request_parse(q->arena, body, &q->chat, &q->fault.message, &q->fault.param);
    if (q->result == CHAT_REQUEST_OK && !read_request(q->arena, &q->chat, &q->fault))
        q->result = CHAT_REQUEST_INVALID;
}

/* False: refused and answered. */
static bool check_key(struct worker *w, struct http_request *r, const struct keyring_key **ret)
{
    enum keycheck_result checked = keycheck_find(w, r, ret);

    if (checked != KEYCHECK_OK)
        refuse(w, r, keycheck_refusal(checked),
               &(struct inbound_fault){keycheck_text(checked), NULL});
    return checked == KEYCHECK_OK;
}

/* NULL: refused and answered. */
static const struct settings_model *find_model(struct worker *w, struct http_request *r,
                                               const struct question *q,
                                               const struct keyring_key *key)
{
    if (q->result != CHAT_REQUEST_OK) {
        refuse(w, r,
               q->result == CHAT_REQUEST_NOT_JSON ? REFUSAL_INVALID_JSON : REFUSAL_INVALID_REQUEST,
               &q->fault);
        return NULL;
    }
    const struct settings_model *m = snapshot_find_model(w->snapshot, q->chat.model);
    if (m && (!key || keyring_may_use(key, str_from(m->name))))
        return m;
    refuse(w, r, m ? REFUSAL_MODEL_NOT_ALLOWED : REFUSAL_MODEL_NOT_FOUND,
           &(struct inbound_fault){NULL, NULL});
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

/* By what a request is counted: preflight_find_means(). */
struct means {
    const struct counting_rule *rule;
    struct counter_weights weights;
};

static uint64_t count(struct tables *tables, const struct means *means,
                      const struct chat_request *chat)
{
    struct counter *c = tables_lend(tables, means->rule);

    c->weights = means->weights;
    uint64_t tokens = counter_request(c, chat->root, UINT64_MAX);

    tables_take_back(tables, &c);
    return tokens;
}

/* ---- a large one: read and counted on another thread ---- */

struct count_tokens {
    struct count_tokens *next;
    struct worker *worker;
    struct http_request *client; /* NULL: it left */
    struct errand errand;
    struct buf body; /* the client's */
    struct arena arena;
    struct question question;
    struct means means;
    uint64_t tokens; /* estimated, until they are counted */
};

static void end(struct count_tokens *c)
{
    struct count_tokens **at = &c->worker->counts;

    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    arena_done(&c->arena);
    buf_done(&c->body);
    free(c);
}

static void count_elsewhere(void *arg)
{
    struct count_tokens *c = arg;

    c->tokens = count(c->worker->tables, &c->means, &c->question.chat);
}

static void on_counted(void *arg)
{
    struct count_tokens *c = arg;

    if (c->client)
        answer(c->worker, c->client, c->tokens);
    end(c);
}

static void read_elsewhere(void *arg)
{
    struct count_tokens *c = arg;

    read_question(&c->question, buf_str(&c->body));
    if (c->question.result == CHAT_REQUEST_OK)
        c->tokens = estimate_request_sampled(c->question.chat.root);
}

/* What finds no thread with room is estimated. */
static void go_on(struct count_tokens *c, const struct settings_model *m)
{
    struct worker *w = c->worker;
    const struct errand_steps steps = {count_elsewhere, on_counted, false};

    if (preflight_find_means(w, w->snapshot, m, &c->means.rule, &c->means.weights) &&
        !errand_is_late(w)) {
        errand_start(&c->errand, w, &steps, c);
        return;
    }
    answer(w, c->client, c->tokens);
    end(c);
}

static void on_read(void *arg)
{
    struct count_tokens *c = arg;
    struct worker *w = c->worker;
    struct http_request *r = c->client;

    const struct keyring_key *key = NULL;
    bool may_ask = r && check_key(w, r, &key); /* still */
    const struct settings_model *m = may_ask ? find_model(w, r, &c->question, key) : NULL;
    if (m && !has_counting_target(w, m)) {
        go_on(c, m);
        return;
    }
    if (m)
        http_request_give_body(r, &c->body);
    end(c);
    if (m)
        exchange_start(w, r, &by_provider);
}

static void start(struct worker *w, struct http_request *r)
{
    static const struct errand_steps steps = {read_elsewhere, on_read, true};
    struct count_tokens *c = calloc(1, sizeof(*c));

    if (!c)
        abort();
    *c = (struct count_tokens){.next = w->counts, .worker = w, .client = r};
    arena_init(&c->arena, MAX_ARENA);
    c->question.arena = &c->arena;
    http_request_take_body(r, &c->body);
    w->counts = c;
    errand_start(&c->errand, w, &steps, c);
}

static void leave(struct count_tokens *c)
{
    c->client = NULL;
    if (errand_withdraw(&c->errand))
        end(c);
}

void count_tokens_gone(struct worker *w, struct http_request *r)
{
    for (struct count_tokens *c = w->counts; c; c = c->next) {
        if (c->client == r) {
            leave(c);
            return;
        }
    }
}

void count_tokens_abandon(struct worker *w)
{
    for (struct count_tokens *c = w->counts, *next; c; c = next) {
        next = c->next;
        struct http_request *r = c->client;
        if (r) {
            leave(c);
            refuse(w, r, REFUSAL_DRAINING, &(struct inbound_fault){NULL, NULL});
        }
    }
}

/* ---- any ---- */

static void answer_here(struct worker *w, struct http_request *r, const struct keyring_key *key)
{
    struct question q = {.arena = &w->scratch};

    read_question(&q, http_request_body(r));
    const struct settings_model *m = find_model(w, r, &q, key);
    if (m && has_counting_target(w, m)) {
        exchange_start(w, r, &by_provider);
    } else if (m) {
        struct means means;
        bool can_count = preflight_find_means(w, w->snapshot, m, &means.rule, &means.weights);
        answer(w, r,
               can_count ? count(w->tables, &means, &q.chat)
                         : estimate_request_sampled(q.chat.root));
    }
    arena_clear(&w->scratch);
}

void count_tokens_answer(struct worker *w, struct http_request *r)
{
    const struct keyring_key *key = NULL;

    if (!check_key(w, r, &key))
        return;
    if (http_request_body(r).len > ERRAND_COUNT_FROM)
        start(w, r);
    else
        answer_here(w, r, key);
}
