#include "cache_answer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct cache_answer *cache_answer_new(const struct cache_answer *facts, struct str body)
{
    struct cache_answer *a = malloc(sizeof(*a) + body.len);

    assert(body.len <= CACHE_ANSWER_MAX_BODY);
    if (!a)
        abort();
    memcpy(a, facts, sizeof(*a));
    atomic_init(&a->references, 1);
    a->len = body.len;
    if (body.len > 0)
        memcpy(a->body, body.data, body.len);
    return a;
}

struct cache_answer *cache_answer_ref(struct cache_answer *a)
{
    atomic_fetch_add_explicit(&a->references, 1, memory_order_relaxed);
    return a;
}

void cache_answer_unref(struct cache_answer **a)
{
    struct cache_answer *old = TAKE(*a);

    if (old && atomic_fetch_sub_explicit(&old->references, 1, memory_order_acq_rel) == 1)
        free(old);
}

struct str cache_answer_body(const struct cache_answer *a)
{
    return (struct str){a->body, a->len};
}

double cache_answer_worth(const struct cache_answer *a, uint64_t uses, size_t bytes)
{
    double saved = (double)a->took + (a->cost_nano > 0 ? (double)a->cost_nano : 0);

    return (double)uses * saved / (double)(bytes > 0 ? bytes : 1);
}

void cache_answer_digest(const struct cache_answer *a, const struct cache_key *key,
                         uint8_t ret_digest[DIGEST_SIZE])
{
    uint64_t facts[DIGEST_SIZE / sizeof(uint64_t) + 6];

    memcpy(facts, key->bytes, DIGEST_SIZE);
    uint64_t *rest = facts + DIGEST_SIZE / sizeof(uint64_t);
    rest[0] = a->is_stream;
    rest[1] = a->at_model;
    rest[2] = a->asked_at;
    rest[3] = a->expires_at;
    rest[4] = a->took;
    rest[5] = (uint64_t)a->cost_nano;
    digest_hmac((struct str){(const char *)facts, sizeof(facts)}, cache_answer_body(a), ret_digest);
}
