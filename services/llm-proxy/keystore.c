#include "keystore.h"

#include "base/map.h"
#include "base/utf8.h"
#include "keystore_rows.h"
#include "spending.h"
#include "zone_file.h"

#include <assert.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_MODELS 256
#define MAX_MODEL  128
#define MAX_TAGS   256

struct keystore {
    struct ledger *ledger;
    struct pepper *pepper;
    struct map usages; /* by key id; a key that is revoked keeps its own */
    struct map zones;  /* by name, as they were when first asked for */
    bool misses_zone;  /* a row names one that is not there */
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

/* NULL: there is none of this name. */
static const struct zone *zone_of(void *arg, struct str name)
{
    struct keystore *k = arg;
    struct zone *zone = map_find(&k->zones, name);
    if (zone)
        return zone;
    if (zone_file_load(name, &zone) == 0)
        return map_add(&k->zones, name, zone);
    k->misses_zone = true;
    return NULL;
}

static enum db_result read_ring(struct keystore *k, struct db *db, struct keyring **ret)
{
    const struct keystore_rows_owner owner = {.usage = usage_of, .zone = zone_of, .arg = k};
    struct keyring_parts parts;
    enum db_result r = keystore_rows_read(db, &owner, &parts);
    if (r == DB_OK)
        *ret = keyring_new(parts, k->pepper);
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
    map_init(&k->zones);

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
    CLEANUP(keyring_unref) struct keyring *ring = NULL;
    if (result == DB_OK)
        result = read_ring(k, db, &ring);
    if (result == DB_OK && k->misses_zone)
        return refuse(reterr, reterr_size, "a time zone that a key's budget goes by is gone",
                      "is tzdata installed?");
    if (result == DB_OK)
        result = spending_load(db, ring, clock_wall());
    if (result)
        return refuse(reterr, reterr_size, "the keys and what they have spent cannot be read",
                      db_error_text(db));
    *ret = TAKE(k);
    *ret_ring = TAKE(ring);
    return 0;
}

static void free_zone(void *zone)
{
    struct zone *z = zone;
    zone_free(&z);
}

static void free_map(struct map *m, void (*fn)(void *value))
{
    size_t cursor = 0;
    struct str name;
    for (void *value; map_next(m, &cursor, &name, &value);)
        fn(value);
    map_done(m);
}

void keystore_close(struct keystore **k)
{
    if (!*k)
        return;
    free_map(&(*k)->usages, free);
    free_map(&(*k)->zones, free_zone);
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
                                   .budget = {MONEY_UNKNOWN, MONEY_UNKNOWN, MONEY_UNKNOWN}};
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

/* It stands in the paths of the admin API, where ids do too. */
static bool is_name(const char *name)
{
    return is_plain(name, 1, KEYSTORE_MAX_NAME) && !strpbrk(name, "/\\%") && name[0] != '.' &&
           strncmp(name, "k_", 2) != 0;
}

#define NAME_RULE ": 1 to 64 bytes of text without / \\ and %, not beginning with . or k_"

static const char *wrong(struct keystore_request *r, const char *field, const char *problem)
{
    r->field = field;
    return problem;
}

static const char *problem_of_limits(struct keystore *k, struct keystore_request *r)
{
    if (!is_limit(r->rpm) || !is_limit(r->tpm) || !is_limit(r->parallel))
        return "rpm, tpm, parallel: too large";
    for (unsigned p = 0; p < PURSE_PERIODS; p++)
        if (!is_budget(r->budget[p]))
            return "budget: not below zero";
    if (r->zone && !zone_of(k, str_from(r->zone)))
        return wrong(r, "zone", "zone: a name of the IANA database, such as Europe/Berlin");
    return NULL;
}

static const char *problem_of_key(struct keystore_request *r, usec_t now)
{
    if (r->team && !is_name(r->team))
        return wrong(r, "team", "team" NAME_RULE);
    if (r->tags && !is_plain(r->tags, 0, MAX_TAGS))
        return wrong(r, "tags", "tags: at most 256 bytes of text");
    if (r->n_models > MAX_MODELS)
        return wrong(r, "models", "models: at most 256");
    for (size_t i = 0; i < r->n_models; i++)
        if (!is_plain(r->models[i], 1, MAX_MODEL) || strchr(r->models[i], ','))
            return wrong(r, "models", "models: each 1 to 128 bytes of text without a comma");
    return r->expires_at <= now ? wrong(r, "expires", "expires: in the past") : NULL;
}

/* NULL, or what is wrong with a request. */
static const char *problem_of(struct keystore *k, struct keystore_request *r, usec_t now)
{
    if (!r->name)
        return wrong(r, "name", "name: missing");
    bool is_team = r->verb == KEYSTORE_CREATE_TEAM || r->verb == KEYSTORE_UPDATE_TEAM;
    bool is_new = r->verb == KEYSTORE_CREATE || r->verb == KEYSTORE_CREATE_TEAM;
    if (is_new && !is_name(r->name))
        return wrong(r, "name", "name" NAME_RULE);
    const char *problem = is_team ? NULL : problem_of_key(r, now);
    return problem ? problem : problem_of_limits(k, r);
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

/* A fresh text, and what is stored of it. */
static void make_text(struct keystore *k, struct keystore_request *r, uint8_t digest[DIGEST_SIZE])
{
    uint8_t secret[DIGEST_SIZE];
    digest_random(secret, sizeof(secret));
    write_text(r->text, secret);
    explicit_bzero(secret, sizeof(secret));
    pepper_digest(k->pepper, (struct str){r->text, KEYRING_TEXT_LEN}, digest);
}

static enum db_result create(struct keystore *k, struct keystore_request *r, struct db *db,
                             usec_t now)
{
    uint8_t id[DIGEST_SIZE], digest[DIGEST_SIZE];
    digest_random(id, sizeof(id));
    write_id(r->id, id);
    make_text(k, r, digest);
    return keystore_rows_insert(db, r, digest, now);
}

static enum db_result rotate(struct keystore *k, struct keystore_request *r, struct db *db,
                             usec_t now)
{
    uint8_t digest[DIGEST_SIZE];
    make_text(k, r, digest);
    return keystore_rows_rotate(db, r, digest, now);
}

/* Of a key in force. */
static enum db_result change_key(struct keystore *k, struct keystore_request *r, struct db *db,
                                 usec_t now)
{
    switch (r->verb) {
    case KEYSTORE_UPDATE:
        return keystore_rows_update(db, r);
    case KEYSTORE_ROTATE:
        return rotate(k, r, db, now);
    case KEYSTORE_REVOKE:
        return keystore_rows_revoke(db, r, now);
    case KEYSTORE_CREATE:
    case KEYSTORE_CREATE_TEAM:
    case KEYSTORE_UPDATE_TEAM:
        break;
    }
    return DB_FAILED;
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
    case KEYSTORE_CREATE_TEAM:
        result = keystore_rows_insert_team(db, r, now);
        break;
    case KEYSTORE_UPDATE_TEAM:
        result = keystore_rows_update_team(db, r, &is_found);
        break;
    case KEYSTORE_UPDATE:
    case KEYSTORE_ROTATE:
    case KEYSTORE_REVOKE:
        result = keystore_rows_find(db, r, &is_found);
        if (result == DB_OK && is_found)
            result = change_key(k, r, db, now);
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
    r->problem = problem_of(r->store, r, now);
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
        if (r->verb == KEYSTORE_REVOKE && r->cuts_streams)
            atomic_store(&usage_of(r->store, r->id)->is_cut, true);
        r->ring = TAKE(ring);
        return;
    }
    keystore_wipe(r);
    if (r->result == KEYSTORE_OK)
        r->result = KEYSTORE_UNAVAILABLE;
    db_rollback(db);
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
        [KEYSTORE_NOT_FOUND] = "no key in force and no team has this name or id",
        [KEYSTORE_EXISTS] = "a key in force, or a team, has this name",
        [KEYSTORE_INVALID] = "a field is not allowed",
        [KEYSTORE_UNAVAILABLE] = "the ledger cannot commit now",
    };
    return texts[result];
}
