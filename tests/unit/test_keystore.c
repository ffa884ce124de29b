#include "keystore.h"

#include "books.h"

static struct books books;
static struct keystore *keystore;
static struct keyring *ring;

static int open_keys(void)
{
    if (books_open(&books, 1, 64) != 0)
        return -1;
    int r =
        keystore_open(books.ledger, books.dir, &keystore, &ring, books.error, sizeof(books.error));
    return r ? r : ledger_start(books.ledger);
}

static void close_keys(void)
{
    ledger_stop(&books.ledger);
    keyring_unref(&ring);
    keystore_close(&keystore);
}

static int make(void **state)
{
    (void)state;
    return books_make(&books) == 0 ? open_keys() : -1;
}

static int clear(void **state)
{
    (void)state;
    close_keys();
    return books_remove(&books);
}

static void on_done(struct keystore_request *r)
{
    loop_stop(r->loop);
}

static enum keystore_result ask(struct keystore_request *r)
{
    r->loop = books.loop;
    r->done = on_done;
    keystore_submit(keystore, r);
    loop_run(books.loop);
    if (r->result == KEYSTORE_OK) {
        keyring_unref(&ring);
        ring = r->ring;
    }
    return r->result;
}

static struct keystore_request create(const char *name)
{
    struct keystore_request r;
    keystore_init(&r, KEYSTORE_CREATE);
    r.name = name;
    CHECK_INT(ask(&r), KEYSTORE_OK);
    return r;
}

static enum keystore_result revoke_key(const char *name)
{
    struct keystore_request r;
    keystore_init(&r, KEYSTORE_REVOKE);
    r.name = name;
    return ask(&r);
}

static const struct keyring_key *find(const char *text)
{
    return keyring_find(ring, str_from(text), clock_wall());
}

static void test_a_created_key_is_in_the_new_ring_with_all_it_was_given(void **state)
{
    (void)state;
    const char *models[] = {"small", "smart"};
    struct keystore_request r;
    keystore_init(&r, KEYSTORE_CREATE);
    r.name = "Grüße, Welt";
    r.team = "blue";
    r.tags = "a,b";
    r.models = models;
    r.n_models = 2;
    r.rpm = 60;
    r.tpm = 0;
    r.budget_total = 5000000000;
    r.expires_at = clock_wall() + USEC_PER_SEC * 1000;
    r.outage = KEYRING_OPEN;
    CHECK_INT(ask(&r), KEYSTORE_OK);
    CHECK_U64(strlen(r.text), KEYRING_TEXT_LEN);
    CHECK_INT(strncmp(r.text, "llm-", 4), 0);
    CHECK_U64(strlen(r.id), KEYRING_ID_LEN);

    const struct keyring_key *key = find(r.text);
    assert_non_null(key);
    CHECK_TEXT(key->id, r.id);
    CHECK_TEXT(key->name, "Grüße, Welt");
    CHECK_TEXT(key->team, "blue");
    CHECK_TEXT(key->tags, "a,b");
    CHECK(keyring_may_use(key, STR("smart")) && !keyring_may_use(key, STR("auto")));
    CHECK_U64(key->rpm, 60);
    CHECK_U64(key->tpm, 0);
    CHECK(key->parallel == KEYRING_DEFAULT);
    CHECK_INT(key->budget_total, 5000000000);
    CHECK(key->budget_daily == MONEY_UNKNOWN);
    CHECK_U64(key->expires_at, r.expires_at);
    CHECK_U64(key->revoked_at, USEC_INFINITY);
    CHECK_INT(key->outage, KEYRING_OPEN);
    CHECK_INT(keyring_check(key, clock_wall()), KEYRING_VALID);
    keystore_wipe(&r);
    CHECK_TEXT(r.text, "");
}

static void test_keys_and_their_usage_outlive_changes_and_restarts(void **state)
{
    (void)state;
    struct keystore_request first = create("first");
    find(first.text)->usage->parallel = 7;
    struct keystore_request second = create("second");
    CHECK_U64(find(first.text)->usage->parallel, 7);
    assert_ptr_not_equal(find(first.text)->usage, find(second.text)->usage);

    close_keys();
    CHECK_INT(open_keys(), 0);
    CHECK_U64(keyring_count(ring), 2);
    CHECK_TEXT(keyring_at(ring, 0)->name, "first");
    CHECK_TEXT(find(second.text)->name, "second");
    CHECK_U64(find(first.text)->usage->parallel, 0);
}

static void test_a_revoked_key_says_so(void **state)
{
    (void)state;
    struct keystore_request a = create("a"), b = create("b");
    CHECK_INT(revoke_key("a"), KEYSTORE_OK);
    CHECK_INT(keyring_check(find(a.text), clock_wall()), KEYRING_REVOKED);
    CHECK_INT(keyring_check(find(b.text), clock_wall()), KEYRING_VALID);
    CHECK_INT(revoke_key(b.id), KEYSTORE_OK);
    CHECK_INT(revoke_key("a"), KEYSTORE_NOT_FOUND);
    CHECK_INT(revoke_key(b.id), KEYSTORE_NOT_FOUND);
    CHECK_INT(revoke_key("never"), KEYSTORE_NOT_FOUND);
}

static void test_a_name_is_one_key_in_force(void **state)
{
    (void)state;
    create("a");
    struct keystore_request r;
    keystore_init(&r, KEYSTORE_CREATE);
    r.name = "a";
    CHECK_INT(ask(&r), KEYSTORE_EXISTS);
    CHECK_TEXT(r.text, "");
    CHECK_INT(revoke_key("a"), KEYSTORE_OK);
    create("a");
    CHECK_U64(keyring_count(ring), 2);
}

static void test_what_is_not_allowed_is_named(void **state)
{
    (void)state;
    static char long_name[66];
    memset(long_name, 'x', 65);
    const char *comma[] = {"a,b"};
    struct keystore_request cases[12];
    for (size_t i = 0; i < 12; i++) {
        keystore_init(&cases[i], KEYSTORE_CREATE);
        cases[i].name = "n";
    }
    cases[0].name = NULL;
    cases[1].name = "";
    cases[2].name = long_name;
    cases[3].name = "a\nb";
    cases[4].name = "k_0123456789";
    cases[5].name = "\xff";
    cases[6].models = comma;
    cases[6].n_models = 1;
    cases[7].expires_at = clock_wall() - 1;
    cases[8].budget_daily = -1;
    cases[9].rpm = UINT64_MAX - 1;
    cases[10].team = "";
    cases[11].tags = "\x7f";
    for (size_t i = 0; i < 12; i++) {
        CHECK_INT(ask(&cases[i]), KEYSTORE_INVALID);
        assert_non_null(cases[i].problem);
    }
    CHECK_INT(revoke_key(NULL), KEYSTORE_INVALID);
    CHECK_U64(keyring_count(ring), 0);
}

static void test_values_are_data_and_never_sql(void **state)
{
    (void)state;
    struct keystore_request r = create("'); DROP TABLE keys; --");
    CHECK_TEXT(find(r.text)->name, "'); DROP TABLE keys; --");
    CHECK_INT(revoke_key("' OR 1=1 --"), KEYSTORE_NOT_FOUND);
}

static void test_another_pepper_is_found_out_at_start(void **state)
{
    (void)state;
    struct keystore_request r = create("a");
    close_keys();
    char path[128], aside[128];
    snprintf(path, sizeof(path), "%s/pepper", books.dir);
    snprintf(aside, sizeof(aside), "%s/aside", books.dir);
    CHECK_INT(rename(path, aside), 0);
    CHECK_INT(open_keys(), 1);
    assert_non_null(strstr(books.error, "not the pepper"));
    ledger_stop(&books.ledger);

    CHECK_INT(rename(aside, path), 0);
    CHECK_INT(open_keys(), 0);
    assert_non_null(find(r.text));
}

static bool file_has(const char *name, const char *text)
{
    static char bytes[4 * 1024 * 1024];
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", books.dir, name);
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(bytes, 1, sizeof(bytes), f) : 0;
    if (f)
        fclose(f);
    return memmem(bytes, n, text, strlen(text)) != NULL;
}

static void test_no_key_is_in_any_file(void **state)
{
    (void)state;
    struct keystore_request r = create("canary");
    CHECK(file_has("ledger.db", "canary") || file_has("ledger.db-wal", "canary"));
    CHECK(!file_has("ledger.db", r.text + 4));
    CHECK(!file_has("ledger.db-wal", r.text + 4));
    CHECK(!file_has("spool/worker-0.ring", r.text + 4));
    CHECK(!file_has("pepper", r.text + 4));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make, clear)
    const struct CMUnitTest tests[] = {
        TEST(test_a_created_key_is_in_the_new_ring_with_all_it_was_given),
        TEST(test_keys_and_their_usage_outlive_changes_and_restarts),
        TEST(test_a_revoked_key_says_so),
        TEST(test_a_name_is_one_key_in_force),
        TEST(test_what_is_not_allowed_is_named),
        TEST(test_values_are_data_and_never_sql),
        TEST(test_another_pepper_is_found_out_at_start),
        TEST(test_no_key_is_in_any_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
