#include "keystore.h"

#include "base/map.h"
#include "base/utf8.h"
#include "keystore_rows.h"

#include <assert.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NAME   64
#define MAX_MODELS 256
#define MAX_MODEL  128
#define MAX_TAGS   256

struct keystore {
    struct ledger *ledger;
    struct pepper *pepper;
    struct map usages; /* by key id; a key that is revoked keeps its own */
};

static struct keyring_usage *usage_of(void *arg, const char *id)
{
    struct keystore *k = arg;
    struct keyring_usage *usage = map_find(&k->usages, str_from(id));
    if (usage)
        return usage;
    usage = aligned_alloc(_Alignof(struct keyring_usage), sizeof(*usage));
    assert(usage);
    memset(usage, 0, sizeof(*usage));
    return map_add(&k->usages, str_from(id), usage);
}

static enum db_result read_ring(struct keystore *k, struct db *db, struct keyring **ret)
{
    struct keyring_key *keys = NULL;
    size_t n = 0;
    enum db_result r = keystore_rows_read(db, usage_of, k, &keys, &n);
    if (r == DB_OK)
        *ret = keyring_new(keys, n, k->pepper);
    return r;
}

static int refuse(char *reterr, size_t size, const char *what, const char *why)
{
    snprintf(reterr, size, "%s: %s", what, why);
    return 1;
}

static int load_pepper(struct keystore *k, const char *path, char *reterr, size_t size)
{
    int r = pepper_load(path, &k->pepper);
    if (r == PEPPER_UNSAFE)
        return refuse(reterr, size, path, "others may read it; its mode must be 0600");
    if (r == PEPPER_DAMAGED)
        return refuse(reterr, size, path, "it is not the 32 bytes that were written there");
    if (r < 0)
        refuse(reterr, size, path, strerror(-r));
    return r;
}

/* Another pepper would make every key unknown, so it is found out at start. */
static enum db_result confirm_pepper(struct keystore *k, struct db *db, bool *ret_is_same)
{
    uint8_t mark[DIGEST_SIZE];
    pepper_digest(k->pepper, STR("the pepper of this database"), mark);
    return keystore_rows_confirm(db, "pepper", (struct str){(const char *)mark, sizeof(mark)},
                                 ret_is_same);
}

int keystore_open(struct ledger *l, const char *state_dir, struct keystore **ret,
                  struct keyring **ret_ring, char *reterr, size_t reterr_size)
{
    CLEANUP(keystore_close) struct keystore *k = calloc(1, sizeof(*k));
    assert(k);
    k->ledger = l;
    map_init(&k->usages);

    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/pepper", state_dir);
    int r = load_pepper(k, path, reterr, reterr_size);
    if (r)
        return r;

    struct db *db = ledger_db(l);
    bool is_same = false;
    enum db_result result = confirm_pepper(k, db, &is_same);
    if (result == DB_OK && !is_same)
        return refuse(reterr, reterr_size, path,
                      "not the pepper that the keys in ledger.db were made with");
    struct keyring *ring = NULL;
    if (result == DB_OK)
        result = read_ring(k, db, &ring);
    if (result)
        return refuse(reterr, reterr_size, "the keys cannot be read", db_error_text(db));
    *ret = TAKE(k);
    *ret_ring = ring;
    return 0;
}

void keystore_close(struct keystore **k)
{
    if (!*k)
        return;
    size_t cursor = 0;
    struct str id;
    for (void *usage; map_next(&(*k)->usages, &cursor, &id, &usage);)
        free(usage);
    map_done(&(*k)->usages);
    pepper_free(&(*k)->pepper);
    free(*k);
    *k = NULL;
}

void keystore_init(struct keystore_request *r, enum keystore_verb verb)
{
    *r = (struct keystore_request){.verb = verb,
                                   .expires_at = USEC_INFINITY,
                                   .rpm = KEYRING_DEFAULT,
                                   .tpm = KEYRING_DEFAULT,
                                   .parallel = KEYRING_DEFAULT,
                                   .budget_total = MONEY_UNKNOWN,
                                   .budget_daily = MONEY_UNKNOWN,
                                   .budget_monthly = MONEY_UNKNOWN};
}

static bool is_plain(const char *text, size_t min, size_t max)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return false;
    return len >= min && len <= max && utf8_is_valid(text, len);
}

static bool is_limit(uint64_t limit)
{
    return limit == KEYRING_DEFAULT || limit <= INT64_MAX;
}

static bool is_budget(int64_t nano)
{
    return nano == MONEY_UNKNOWN || nano >= 0;
}

/* NULL, or what is wrong with a request to create. */
static const char *problem_of(const struct keystore_request *r, usec_t now)
{
    if (!r->name || !is_plain(r->name, 1, MAX_NAME) || strncmp(r->name, "k_", 2) == 0)
        return "name: 1 to 64 bytes of text, not beginning with k_";
    if (r->team && !is_plain(r->team, 1, MAX_NAME))
        return "team: 1 to 64 bytes of text";
    if (r->tags && !is_plain(r->tags, 0, MAX_TAGS))
        return "tags: at most 256 bytes of text";
    if (r->n_models > MAX_MODELS)
        return "models: at most 256";
    for (size_t i = 0; i < r->n_models; i++)
        if (!is_plain(r->models[i], 1, MAX_MODEL) || strchr(r->models[i], ','))
            return "models: each 1 to 128 bytes of text without a comma";
    if (r->expires_at <= now)
        return "expires: in the past";
    if (!is_limit(r->rpm) || !is_limit(r->tpm) || !is_limit(r->parallel))
        return "rpm, tpm, parallel: too large";
    if (!is_budget(r->budget_total) || !is_budget(r->budget_daily) || !is_budget(r->budget_monthly))
        return "budget: not below zero";
    return NULL;
}

/* Base64url (RFC 4648) without padding. */
static void write_text(char *text, const uint8_t bytes[DIGEST_SIZE])
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint32_t bits = 0;
    unsigned n_bits = 0;
    memcpy(text, "llm-", 4);
    text += 4;
    for (size_t i = 0; i < DIGEST_SIZE; i++) {
        bits = bits << 8 | bytes[i];
        for (n_bits += 8; n_bits >= 6; n_bits -= 6)
            *text++ = alphabet[bits >> (n_bits - 6) & 63];
    }
    *text++ = alphabet[bits << (6 - n_bits) & 63];
    *text = '\0';
}

static void write_id(char *id, const uint8_t *bytes)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    memcpy(id, "k_", 2);
    for (size_t i = 2; i < KEYRING_ID_LEN; i++)
        id[i] = alphabet[bytes[i] & 31];
    id[KEYRING_ID_LEN] = '\0';
}

static enum db_result create(struct keystore *k, struct keystore_request *r, struct db *db,
                             usec_t now)
{
    uint8_t secret[DIGEST_SIZE], id[DIGEST_SIZE], digest[DIGEST_SIZE];
    digest_random(secret, sizeof(secret));
    digest_random(id, sizeof(id));
    write_text(r->text, secret);
    write_id(r->id, id);
    explicit_bzero(secret, sizeof(secret));
    pepper_digest(k->pepper, (struct str){r->text, KEYRING_TEXT_LEN}, digest);
    return keystore_rows_insert(db, r, digest, now);
}

static enum db_result change(struct keystore *k, struct keystore_request *r, struct db *db,
                             usec_t now)
{
    bool is_found = true;
    enum db_result result = DB_OK;
    switch (r->verb) {
    case KEYSTORE_CREATE:
        result = create(k, r, db, now);
        break;
    case KEYSTORE_REVOKE:
        result = keystore_rows_revoke(db, r, now, &is_found);
        break;
    }
    if (!is_found)
        r->result = KEYSTORE_NOT_FOUND;
    if (result == DB_CONSTRAINT)
        r->result = KEYSTORE_EXISTS;
    return result;
}

static void run(struct ledger_task *t, struct db *db)
{
    struct keystore_request *r =
        (struct keystore_request *)((char *)t - offsetof(struct keystore_request, task));
    usec_t now = clock_wall();
    r->problem = r->verb == KEYSTORE_CREATE ? problem_of(r, now) : r->name ? NULL : "name: missing";
    r->result = r->problem ? KEYSTORE_INVALID : KEYSTORE_OK;
    if (r->problem)
        return;

    CLEANUP(keyring_unref) struct keyring *ring = NULL;
    enum db_result result = db_exec(db, "BEGIN IMMEDIATE");
    if (result == DB_OK)
        result = change(r->store, r, db, now);
    if (result == DB_OK && r->result == KEYSTORE_OK)
        result = read_ring(r->store, db, &ring);
    if (result == DB_OK && r->result == KEYSTORE_OK)
        result = db_exec(db, "COMMIT");
    if (result == DB_OK && r->result == KEYSTORE_OK) {
        r->ring = TAKE(ring);
        return;
    }
    keystore_wipe(r);
    if (r->result == KEYSTORE_OK)
        r->result = KEYSTORE_UNAVAILABLE;
    (void)!db_exec(db, "ROLLBACK"); /* when BEGIN failed there is nothing to roll back */
}

static void on_done(struct ledger_task *t)
{
    struct keystore_request *r =
        (struct keystore_request *)((char *)t - offsetof(struct keystore_request, task));
    r->done(r);
}

void keystore_submit(struct keystore *k, struct keystore_request *r)
{
    r->store = k;
    r->task = (struct ledger_task){.run = run, .done = on_done, .loop = r->loop};
    ledger_submit(k->ledger, &r->task);
}

void keystore_wipe(struct keystore_request *r)
{
    explicit_bzero(r->text, sizeof(r->text));
}

const char *keystore_result_text(enum keystore_result result)
{
    static const char *const texts[] = {
        [KEYSTORE_OK] = "done",
        [KEYSTORE_NOT_FOUND] = "no key in force has this name or id",
        [KEYSTORE_EXISTS] = "a key in force has this name",
        [KEYSTORE_INVALID] = "a field is not allowed",
        [KEYSTORE_UNAVAILABLE] = "the ledger cannot commit now",
    };
    return texts[result];
}
