#include "ledger_record.h"

#include "base/utf8.h"

#include <assert.h>
#include <string.h>

#define N_TEXTS     10  /* of an entry */
#define MAX_MODEL   160 /* of an attempt */
#define MAX_OUTCOME 16

/* Numbers first, then each text as a length byte and its bytes. */
struct fixed {
    uint8_t kind, status, source, is_stream;
    uint16_t http_status;
    uint16_t number; /* attempts made; of an attempt: which one */
    int64_t id;
    usec_t started_at, duration, ttft;
    int64_t tokens_in, tokens_out, tokens_cached, tokens_reasoning;
    int64_t cost_nano, reserved_nano;
};

static_assert(sizeof(struct fixed) == 88, "no padding, so no stale bytes in the file");
static_assert(sizeof(struct fixed) + N_TEXTS + 64 + 16 + 24 + 80 + 48 + 8 + 32 + 8 + 8 + 88 <=
                  SPOOL_MAX_PAYLOAD,
              "the longest entry fits");
static_assert(sizeof(struct fixed) + 4 + 64 + 48 + MAX_MODEL + MAX_OUTCOME <= SPOOL_MAX_PAYLOAD,
              "the longest attempt fits");

/* What an entry does not say of its only attempt: this, then its model and outcome. */
struct of_attempt {
    usec_t started_at, duration, ttft;
    uint64_t http_status;
};

static unsigned char *put(unsigned char *at, struct str text, size_t max)
{
    size_t len = text.len > max ? utf8_prefix(text.data, text.len, max) : text.len;
    *at++ = (unsigned char)len;
    if (len)
        memcpy(at, text.data, len);
    return at + len;
}

size_t ledger_record_write_entry(void *slot, const struct ledger_entry *e)
{
    struct fixed f = {.kind = LEDGER_RECORD_ENTRY,
                      .status = (uint8_t)e->status,
                      .source = (uint8_t)e->usage_source,
                      .is_stream = e->is_stream,
                      .http_status = e->http_status,
                      .number = e->attempts,
                      .id = e->id,
                      .started_at = e->started_at,
                      .duration = e->duration,
                      .ttft = e->ttft,
                      .tokens_in = e->tokens_in,
                      .tokens_out = e->tokens_out,
                      .tokens_cached = e->tokens_cached,
                      .tokens_reasoning = e->tokens_reasoning,
                      .cost_nano = e->cost_nano,
                      .reserved_nano = e->reserved_nano};
    memcpy(slot, &f, sizeof(f));

    unsigned char *at = (unsigned char *)slot + sizeof(f);
    at = put(at, e->request_id, 64);
    at = put(at, e->key_id, 16);
    at = put(at, e->api, 24);
    at = put(at, e->model, 80);
    at = put(at, e->provider, 48);
    at = put(at, e->backend, 8);
    at = put(at, e->error, 32);
    at = put(at, e->cache, 8);
    at = put(at, e->complexity, 8);
    at = put(at, e->tags, 88);
    return (size_t)(at - (unsigned char *)slot);
}

size_t ledger_record_write_attempt(void *slot, const struct ledger_entry *e,
                                   const struct ledger_attempt *a)
{
    struct fixed f = {.kind = LEDGER_RECORD_ATTEMPT,
                      .http_status = a->http_status,
                      .number = a->number,
                      .id = e->id,
                      .started_at = a->started_at,
                      .duration = a->duration,
                      .ttft = a->ttft,
                      .tokens_in = a->tokens_in,
                      .tokens_out = a->tokens_out,
                      .tokens_cached = a->tokens_cached,
                      .tokens_reasoning = LEDGER_ENTRY_NO_COUNT,
                      .cost_nano = a->cost_nano,
                      .reserved_nano = MONEY_UNKNOWN};
    memcpy(slot, &f, sizeof(f));

    unsigned char *at = (unsigned char *)slot + sizeof(f);
    at = put(at, e->request_id, 64);
    at = put(at, a->provider, 48);
    at = put(at, a->model, MAX_MODEL);
    at = put(at, a->outcome, MAX_OUTCOME);
    return (size_t)(at - (unsigned char *)slot);
}

bool ledger_record_is_told(const struct ledger_entry *e, const struct ledger_attempt *a)
{
    return a->number == 1 && e->attempts == 1 && str_equal(a->provider, e->provider) &&
           a->tokens_in == e->tokens_in && a->tokens_out == e->tokens_out &&
           a->tokens_cached == e->tokens_cached && a->cost_nano == e->cost_nano;
}

size_t ledger_record_write_whole(void *slot, const struct ledger_entry *e,
                                 const struct ledger_attempt *a)
{
    struct of_attempt more = {a->started_at, a->duration, a->ttft, a->http_status};
    size_t model = a->model.len < MAX_MODEL ? a->model.len : MAX_MODEL;
    if (!ledger_record_is_told(e, a))
        return 0;
    size_t len = ledger_record_write_entry(slot, e);
    if (len + sizeof(more) + 2 + model + MAX_OUTCOME > SPOOL_MAX_PAYLOAD)
        return 0;

    unsigned char *at = (unsigned char *)slot + len;
    ((unsigned char *)slot)[offsetof(struct fixed, kind)] = LEDGER_RECORD_WHOLE;
    memcpy(at, &more, sizeof(more));
    at = put(at + sizeof(more), a->model, MAX_MODEL);
    at = put(at, a->outcome, MAX_OUTCOME);
    return (size_t)(at - (unsigned char *)slot);
}

static bool get(struct str *rest, struct str *ret_text)
{
    if (rest->len == 0)
        return false;
    size_t len = (unsigned char)rest->data[0];
    if (len >= rest->len)
        return false;
    *ret_text = (struct str){rest->data + 1, len};
    rest->data += 1 + len;
    rest->len -= 1 + len;
    return true;
}

static bool read_entry(const struct fixed *f, struct str *rest, struct ledger_entry *e)
{
    if (f->status > LEDGER_UNKNOWN || f->source > LEDGER_SOURCE_LOCAL || f->is_stream > 1)
        return false;
    *e = (struct ledger_entry){.id = f->id,
                               .started_at = f->started_at,
                               .duration = f->duration,
                               .ttft = f->ttft,
                               .tokens_in = f->tokens_in,
                               .tokens_out = f->tokens_out,
                               .tokens_cached = f->tokens_cached,
                               .tokens_reasoning = f->tokens_reasoning,
                               .cost_nano = f->cost_nano,
                               .reserved_nano = f->reserved_nano,
                               .http_status = f->http_status,
                               .attempts = f->number,
                               .status = (enum ledger_entry_status)f->status,
                               .usage_source = (enum ledger_entry_source)f->source,
                               .is_stream = f->is_stream};
    struct str *texts[N_TEXTS] = {&e->request_id, &e->key_id,  &e->api,   &e->model,
                                  &e->provider,   &e->backend, &e->error, &e->cache,
                                  &e->complexity, &e->tags};
    for (size_t i = 0; i < N_TEXTS; i++)
        if (!get(rest, texts[i]))
            return false;
    return true;
}

static bool read_attempt(const struct fixed *f, struct str rest, struct ledger_record *r)
{
    r->entry = (struct ledger_entry){.id = f->id};
    r->attempt = (struct ledger_attempt){.number = f->number,
                                         .started_at = f->started_at,
                                         .duration = f->duration,
                                         .ttft = f->ttft,
                                         .tokens_in = f->tokens_in,
                                         .tokens_out = f->tokens_out,
                                         .tokens_cached = f->tokens_cached,
                                         .cost_nano = f->cost_nano,
                                         .http_status = f->http_status};
    return get(&rest, &r->entry.request_id) && get(&rest, &r->attempt.provider) &&
           get(&rest, &r->attempt.model) && get(&rest, &r->attempt.outcome);
}

static bool read_only_attempt(struct str rest, struct ledger_record *r)
{
    struct of_attempt more;
    const struct ledger_entry *e = &r->entry;
    if (rest.len < sizeof(more))
        return false;
    memcpy(&more, rest.data, sizeof(more));
    rest = (struct str){rest.data + sizeof(more), rest.len - sizeof(more)};
    r->attempt = (struct ledger_attempt){.number = 1,
                                         .provider = e->provider,
                                         .started_at = more.started_at,
                                         .duration = more.duration,
                                         .ttft = more.ttft,
                                         .tokens_in = e->tokens_in,
                                         .tokens_out = e->tokens_out,
                                         .tokens_cached = e->tokens_cached,
                                         .cost_nano = e->cost_nano,
                                         .http_status = (uint16_t)more.http_status};
    return more.http_status <= UINT16_MAX && e->attempts == 1 && e->status != LEDGER_PENDING &&
           get(&rest, &r->attempt.model) && get(&rest, &r->attempt.outcome);
}

bool ledger_record_read(const void *bytes, size_t len, struct ledger_record *ret)
{
    struct fixed f;
    if (len < sizeof(f))
        return false;
    memcpy(&f, bytes, sizeof(f));
    struct str rest = {(const char *)bytes + sizeof(f), len - sizeof(f)};

    ret->kind = (enum ledger_record_kind)f.kind;
    switch (ret->kind) {
    case LEDGER_RECORD_ENTRY:
        return read_entry(&f, &rest, &ret->entry);
    case LEDGER_RECORD_ATTEMPT:
        return read_attempt(&f, rest, ret);
    case LEDGER_RECORD_WHOLE:
        return read_entry(&f, &rest, &ret->entry) && read_only_attempt(rest, ret);
    }
    return false;
}
