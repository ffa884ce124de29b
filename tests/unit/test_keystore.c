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
    r.budget[PURSE_TOTAL] = 5000000000;
    r.zone = "UTC";
    r.unpriced = KEYRING_UNPRICED_REFUSE;
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
    CHECK_TEXT(key->team->name, "blue");
    CHECK_TEXT(key->tags, "a,b");
    CHECK(keyring_may_use(key, STR("smart")) && !keyring_may_use(key, STR("auto")));
    CHECK_U64(key->limits.rpm, 60);
    CHECK_U64(key->limits.tpm, 0);
    CHECK(key->limits.parallel == KEYRING_DEFAULT);
    CHECK_INT(key->limits.budget.nano[PURSE_TOTAL], 5000000000);
    CHECK(key->limits.budget.nano[PURSE_DAILY] == MONEY_UNKNOWN);
    CHECK_U64(key->expires_at, r.expires_at);
    CHECK_U64(key->revoked_at, USEC_INFINITY);
    CHECK_INT(key->outage, KEYRING_OPEN);
    CHECK_INT(key->unpriced, KEYRING_UNPRICED_REFUSE);
    CHECK_TEXT(zone_name(key->limits.budget.zone), "UTC");
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
    struct keystore_request cases[19];
    for (size_t i = 0; i < 19; i++) {
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
    cases[8].budget[PURSE_DAILY] = -1;
    cases[9].rpm = UINT64_MAX - 1;
    cases[10].team = "";
    cases[11].tags = "\x7f";
    cases[12].zone = "Europe/Atlantis";
    cases[13].zone = "../../etc/passwd";
    cases[14].name = "a/b"; /* these could never be asked for */
    cases[15].name = "..";
    cases[16].name = "50%";
    cases[17].name = "a\\b";
    cases[18].team = "a/b";
    for (size_t i = 0; i < 19; i++) {
        CHECK_INT(ask(&cases[i]), KEYSTORE_INVALID);
        assert_non_null(cases[i].problem);
    }
    CHECK_INT(revoke_key(NULL), KEYSTORE_INVALID);
    CHECK_U64(keyring_count(ring), 0);
}

static void test_an_update_changes_what_it_names_and_nothing_else(void **state)
{
    (void)state;
    struct keystore_request made;
    keystore_init(&made, KEYSTORE_CREATE);
    made.name = "a";
    made.rpm = 60;
    made.tags = "x";
    made.budget[PURSE_TOTAL] = 5;
    CHECK_INT(ask(&made), KEYSTORE_OK);

    struct keystore_request r;
    keystore_init(&r, KEYSTORE_UPDATE);
    r.name = "a";
    r.fields = KEYSTORE_BUDGET_DAILY | KEYSTORE_ZONE | KEYSTORE_RPM | KEYSTORE_OUTAGE;
    r.budget[PURSE_DAILY] = 7;
    r.zone = "Europe/Berlin";
    r.outage = KEYRING_OPEN;
    r.tpm = 999; /* not named */
    CHECK_INT(ask(&r), KEYSTORE_OK);
    const struct keyring_key *key = find(made.text);
    CHECK(key->limits.rpm == KEYRING_DEFAULT && key->limits.tpm == KEYRING_DEFAULT);
    CHECK_INT(key->limits.budget.nano[PURSE_TOTAL], 5);
    CHECK_INT(key->limits.budget.nano[PURSE_DAILY], 7);
    CHECK_TEXT(zone_name(key->limits.budget.zone), "Europe/Berlin");
    CHECK_TEXT(key->tags, "x");
    CHECK_INT(key->outage, KEYRING_OPEN);

    r.name = "nobody";
    CHECK_INT(ask(&r), KEYSTORE_NOT_FOUND);
    CHECK_INT(revoke_key("a"), KEYSTORE_OK);
    r.name = "a";
    CHECK_INT(ask(&r), KEYSTORE_NOT_FOUND);
}

static void test_a_rotated_key_has_two_texts_while_the_grace_lasts(void **state)
{
    (void)state;
    struct keystore_request made = create("a"), r;
    keystore_init(&r, KEYSTORE_ROTATE);
    r.name = made.id;
    r.grace = 3600 * USEC_PER_SEC;
    CHECK_INT(ask(&r), KEYSTORE_OK);
    CHECK(strcmp(r.text, made.text) != 0);
    assert_ptr_equal(find(r.text), find(made.text));
    assert_null(keyring_find(ring, str_from(made.text), clock_wall() + 3601 * USEC_PER_SEC));
    CHECK_TEXT(find(r.text)->id, made.id);

    struct keystore_request again;
    keystore_init(&again, KEYSTORE_ROTATE); /* no grace: the one before is nobody's at once */
    again.name = "a";
    CHECK_INT(ask(&again), KEYSTORE_OK);
    assert_null(find(made.text));
    assert_null(find(r.text));
    assert_non_null(find(again.text));
    again.name = "nobody";
    CHECK_INT(ask(&again), KEYSTORE_NOT_FOUND);
}

static void test_keys_of_a_team_share_its_limits_and_its_usage(void **state)
{
    (void)state;
    struct keystore_request t;
    keystore_init(&t, KEYSTORE_CREATE_TEAM);
    t.name = "blue";
    t.budget[PURSE_MONTHLY] = 100;
    CHECK_INT(ask(&t), KEYSTORE_OK);
    CHECK_INT(ask(&t), KEYSTORE_EXISTS);

    struct keystore_request a, b;
    keystore_init(&a, KEYSTORE_CREATE);
    a.name = "a";
    a.team = "blue";
    b = a;
    b.name = "b";
    CHECK_INT(ask(&a), KEYSTORE_OK);
    CHECK_INT(ask(&b), KEYSTORE_OK);
    assert_ptr_equal(find(a.text)->team, find(b.text)->team);
    struct keyring_usage *usage = find(a.text)->team->usage;
    CHECK_INT(find(b.text)->team->limits.budget.nano[PURSE_MONTHLY], 100);

    keystore_init(&t, KEYSTORE_UPDATE_TEAM);
    t.name = "blue";
    t.fields = KEYSTORE_RPM;
    t.rpm = 9;
    CHECK_INT(ask(&t), KEYSTORE_OK);
    CHECK_U64(find(b.text)->team->limits.rpm, 9);
    CHECK_INT(find(b.text)->team->limits.budget.nano[PURSE_MONTHLY], 100);
    assert_ptr_equal(find(b.text)->team->usage, usage);
    t.name = "red";
    CHECK_INT(ask(&t), KEYSTORE_NOT_FOUND);

    a.name = "c";
    a.team = "green"; /* nobody made it: it comes into being without limits */
    CHECK_INT(ask(&a), KEYSTORE_OK);
    CHECK(find(a.text)->team->limits.rpm == KEYRING_DEFAULT);
    CHECK_U64(keyring_team_count(ring), 2);
    assert_ptr_equal(keyring_find_team(ring, STR("green")), find(a.text)->team);
    assert_ptr_equal(keyring_find_named(ring, STR("c")), find(a.text));
}

/* A request of this key that cost so much, so long ago. */
static void book(const char *key_id, int64_t cost, usec_t age, enum ledger_entry_status status)
{
    struct ledger_entry e = books_entry("r");
    e.key_id = str_from(key_id);
    e.started_at = clock_wall() - age;
    e.reserved_nano = cost;
    CHECK_INT(ledger_entry_open(&e, ledger_spool(books.ledger, 0)), SPOOL_OK);
    if (status == LEDGER_PENDING)
        return; /* killed before it was settled */
    e.status = status;
    e.cost_nano = cost;
    CHECK_INT(ledger_entry_settle(&e, ledger_spool(books.ledger, 0), NULL), SPOOL_OK);
}

static int64_t spent(const struct keyring_usage *u, enum purse_period period)
{
    return budget_settled(&u->purse.periods[period]);
}

static void test_what_was_spent_is_read_from_the_books_at_start(void **state)
{
    (void)state;
    struct keystore_request a, b;
    keystore_init(&a, KEYSTORE_CREATE);
    a.name = "a";
    a.team = "blue";
    b = a;
    b.name = "b";
    b.zone = "Pacific/Kiritimati";
    CHECK_INT(ask(&a), KEYSTORE_OK);
    CHECK_INT(ask(&b), KEYSTORE_OK);
    book(a.id, 100, 0, LEDGER_SUCCESS);
    book(a.id, 20, 3 * 86400 * USEC_PER_SEC, LEDGER_SUCCESS);
    book(a.id, 3, 90 * 86400 * USEC_PER_SEC, LEDGER_TRUNCATED);
    book(b.id, 4000, 0, LEDGER_SUCCESS);
    book(b.id, 50000, 0, LEDGER_PENDING); /* counts as what was reserved for it */
    close_keys();
    CHECK_INT(open_keys(), 0);

    const struct keyring_key *one = find(a.text), *other = find(b.text);
    CHECK_INT(spent(one->usage, PURSE_TOTAL), 123);
    CHECK_INT(spent(one->usage, PURSE_DAILY), 100);
    CHECK(spent(one->usage, PURSE_MONTHLY) == 120 || spent(one->usage, PURSE_MONTHLY) == 100);
    CHECK_INT(spent(other->usage, PURSE_TOTAL), 54000);
    CHECK_INT(spent(other->usage, PURSE_DAILY), 54000);
    CHECK_INT(spent(one->team->usage, PURSE_TOTAL), 54123);
    CHECK_INT(spent(one->team->usage, PURSE_DAILY), 54100);
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
        TEST(test_an_update_changes_what_it_names_and_nothing_else),
        TEST(test_a_rotated_key_has_two_texts_while_the_grace_lasts),
        TEST(test_keys_of_a_team_share_its_limits_and_its_usage),
        TEST(test_what_was_spent_is_read_from_the_books_at_start),
        TEST(test_values_are_data_and_never_sql),
        TEST(test_another_pepper_is_found_out_at_start),
        TEST(test_no_key_is_in_any_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
