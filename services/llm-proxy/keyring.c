#include "keyring.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Where a digest leads: a key, by its present or its earlier text. The digest lies here, so that
 * looking costs the same wherever it leads. */
struct place {
    uint8_t digest[DIGEST_SIZE];
    const struct keyring_key *key; /* NULL: free */
    bool is_old;
};

struct keyring {
    _Atomic unsigned refs;
    const struct pepper *pepper;
    struct keyring_parts parts;
    struct place *places;
    size_t mask;  /* the number of places is a power of two, at least twice what is filed */
    size_t reach; /* as far as any digest lies behind its own place */
};

static size_t place_of(const struct keyring *k, const uint8_t *digest)
{
    size_t start;
    memcpy(&start, digest, sizeof(start));
    return start & k->mask;
}

static void file_digest(struct keyring *k, const uint8_t *digest, const struct keyring_key *key)
{
    size_t from = place_of(k, digest), n = 0;
    while (k->places[(from + n) & k->mask].key)
        n++;
    struct place *place = &k->places[(from + n) & k->mask];
    memcpy(place->digest, digest, DIGEST_SIZE);
    place->key = key;
    place->is_old = digest == key->old_digest;
    if (n > k->reach)
        k->reach = n;
}

struct keyring *keyring_new(struct keyring_parts parts, const struct pepper *pepper)
{
    struct keyring *k = calloc(1, sizeof(*k));
    assert(k);
    size_t n_places = 8;
    while (n_places < 4 * parts.n_keys)
        n_places *= 2;
    *k = (struct keyring){.refs = 1,
                          .pepper = pepper,
                          .parts = parts,
                          .places = calloc(n_places, sizeof(*k->places)),
                          .mask = n_places - 1};
    assert(k->places);
    for (size_t i = 0; i < parts.n_keys; i++) {
        file_digest(k, parts.keys[i].digest, &parts.keys[i]);
        if (parts.keys[i].old_until)
            file_digest(k, parts.keys[i].old_digest, &parts.keys[i]);
    }
    return k;
}

struct keyring *keyring_ref(struct keyring *k)
{
    atomic_fetch_add_explicit(&k->refs, 1, memory_order_relaxed);
    return k;
}

static void free_texts(struct keyring_key *key)
{
    for (size_t i = 0; i < key->n_models; i++)
        free((char *)key->models[i]);
    free(key->models);
    free((char *)key->id);
    free((char *)key->name);
    free((char *)key->tags);
}

void keyring_unref(struct keyring **k)
{
    struct keyring *gone = TAKE(*k);
    if (!gone || atomic_fetch_sub(&gone->refs, 1) > 1)
        return;
    for (size_t i = 0; i < gone->parts.n_keys; i++)
        free_texts(&gone->parts.keys[i]);
    for (size_t i = 0; i < gone->parts.n_teams; i++)
        free((char *)gone->parts.teams[i].name);
    free(gone->parts.keys);
    free(gone->parts.teams);
    free(gone->places);
    free(gone);
}

const struct keyring_key *keyring_find(const struct keyring *k, struct str text, usec_t now)
{
    /* a text of another length is no key, but costs the same */
    char fixed[KEYRING_TEXT_LEN] = {0};
    size_t n = text.len < sizeof(fixed) ? text.len : sizeof(fixed);
    if (n)
        memcpy(fixed, text.data, n);
    uint8_t digest[DIGEST_SIZE];
    pepper_digest(k->pepper, (struct str){fixed, sizeof(fixed)}, digest);
    explicit_bzero(fixed, sizeof(fixed));

    /* every place that it could be in is looked at, wherever it is */
    size_t from = place_of(k, digest), found = 0;
    for (size_t i = 0; i <= k->reach; i++) {
        size_t at = (from + i) & k->mask;
        found |= (at + 1) & (0 - (size_t)digest_equal(k->places[at].digest, digest));
    }
    if (found == 0)
        return NULL;
    const struct place *place = &k->places[found - 1];
    bool is_current = place->key && (!place->is_old || now < place->key->old_until);
    return is_current && text.len == KEYRING_TEXT_LEN ? place->key : NULL;
}

enum keyring_verdict keyring_check(const struct keyring_key *key, usec_t now)
{
    if (key->revoked_at <= now)
        return KEYRING_REVOKED;
    return key->expires_at <= now ? KEYRING_EXPIRED : KEYRING_VALID;
}

bool keyring_may_use(const struct keyring_key *key, struct str model)
{
    for (size_t i = 0; i < key->n_models; i++)
        if (str_is(model, key->models[i]))
            return true;
    return key->n_models == 0;
}

size_t keyring_count(const struct keyring *k)
{
    return k->parts.n_keys;
}

const struct keyring_key *keyring_at(const struct keyring *k, size_t i)
{
    assert(i < k->parts.n_keys);
    return &k->parts.keys[i];
}

size_t keyring_team_count(const struct keyring *k)
{
    return k->parts.n_teams;
}

const struct keyring_team *keyring_team_at(const struct keyring *k, size_t i)
{
    assert(i < k->parts.n_teams);
    return &k->parts.teams[i];
}

const struct keyring_key *keyring_find_named(const struct keyring *k, struct str name)
{
    const struct keyring_key *found = NULL;

    for (size_t i = 0; i < k->parts.n_keys; i++) {
        const struct keyring_key *key = &k->parts.keys[i];
        if (str_is(name, key->id))
            return key;
        if (str_is(name, key->name))
            found = key; /* at most one of the name is in force, and it is the latest */
    }
    return found;
}

const struct keyring_team *keyring_find_team(const struct keyring *k, struct str name)
{
    for (size_t i = 0; i < k->parts.n_teams; i++)
        if (str_is(name, k->parts.teams[i].name))
            return &k->parts.teams[i];
    return NULL;
}
