#include "count_tokens.h"

#include "base/json_write.h"
#include "dialect_anthropic.h"
#include "exchange.h"
#include "inbound_messages.h"
#include "io/http_answer.h"
#include "keycheck.h"
#include "tokens/estimate.h"
#include "worker.h"

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

static void answer_estimate(struct worker *w, struct http_request *r, const struct chat_request *c)
{
    struct json_write j;

    buf_clear(&w->line);
    json_write_init(&j, &w->line);
    json_write_begin(&j, '{');
    json_write_member_u64(&j, "input_tokens", estimate_request_sampled(c->root));
    json_write_end(&j, '}');
    if (json_write_finish(&j) != BUF_OK)
        buf_clear(&w->line);
    http_answer_json(r, 200, buf_str(&w->line));
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
        answer_estimate(w, r, &c);
    arena_clear(&w->scratch);
}
