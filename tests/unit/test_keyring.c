#include "keyring.h"

#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOW 1000

static char path[] = "/tmp/test-keyring-XXXXXX/pepper";
static struct pepper *pepper;
static struct keyring_usage usage;

static int make_pepper(void **state)
{
    (void)state;
    char *slash = strrchr(path, '/');
    *slash = '\0';
    strcpy(slash - 6, "XXXXXX");
    if (!mkdtemp(path))
        return -1;
    *slash = '/';
    return pepper_load(path, &pepper);
}

static int drop_pepper(void **state)
{
    (void)state;
    pepper_free(&pepper);
    unlink(path);
    *strrchr(path, '/') = '\0';
    int r = rmdir(path);
    path[strlen(path)] = '/';
    return r;
}

/* "llm-" and 43 letters that depend on `n` */
static struct str text_of(unsigned n)
{
    static char text[4][KEYRING_TEXT_LEN + 1];
    static unsigned turn;
    char *to = text[turn++ % 4];
    snprintf(to, KEYRING_TEXT_LEN + 1, "llm-%043u", n);
    return str_from(to);
}

static struct keyring_key key_of(unsigned n)
{
    struct keyring_key key = {.id = strdup("k_0123456789"),
                              .name = strdup("name"),
                              .tags = strdup(""),
                              .expires_at = USEC_INFINITY,
                              .revoked_at = USEC_INFINITY,
                              .created_at = n,
                              .usage = &usage};
    pepper_digest(pepper, text_of(n), key.digest);
    return key;
}

static struct keyring *ring_of(unsigned n)
{
    struct keyring_key *keys = n ? calloc(n, sizeof(*keys)) : NULL;
    for (unsigned i = 0; i < n; i++)
        keys[i] = key_of(i);
    return keyring_new((struct keyring_parts){.keys = keys, .n_keys = n}, pepper);
}

static void test_every_key_is_found_and_no_other(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 300; n = n * 2 + 1) {
        struct keyring *k = ring_of(n);
        CHECK_U64(keyring_count(k), n);
        for (unsigned i = 0; i < n; i++)
            assert_ptr_equal(keyring_find(k, text_of(i), NOW), keyring_at(k, i));
        for (unsigned i = n; i < n + 300; i++)
            assert_null(keyring_find(k, text_of(i), NOW));
        keyring_unref(&k);
        assert_null(k);
    }
}

static void test_a_text_that_is_almost_a_key_is_none(void **state)
{
    (void)state;
    struct keyring *k = ring_of(1);
    char text[KEYRING_TEXT_LEN + 2];
    memcpy(text, text_of(0).data, KEYRING_TEXT_LEN);
    text[KEYRING_TEXT_LEN] = 'x';
    for (size_t n = 0; n <= KEYRING_TEXT_LEN + 1; n++)
        CHECK((keyring_find(k, (struct str){text, n}, NOW) != NULL) == (n == KEYRING_TEXT_LEN));
    for (size_t i = 0; i < KEYRING_TEXT_LEN; i++) {
        text[i] ^= 1;
        assert_null(keyring_find(k, (struct str){text, KEYRING_TEXT_LEN}, NOW));
        text[i] ^= 1;
    }
    assert_null(keyring_find(k, (struct str){NULL, 0}, NOW));
    keyring_unref(&k);
}

static void test_the_old_text_is_good_until_its_grace_ends(void **state)
{
    (void)state;
    struct keyring_key *keys = calloc(1, sizeof(*keys));
    keys[0] = key_of(1);
    pepper_digest(pepper, text_of(2), keys[0].old_digest);
    keys[0].old_until = NOW;
    struct keyring *k = keyring_new((struct keyring_parts){.keys = keys, .n_keys = 1}, pepper);
    assert_non_null(keyring_find(k, text_of(1), NOW));
    assert_non_null(keyring_find(k, text_of(2), NOW - 1));
    assert_null(keyring_find(k, text_of(2), NOW));
    keyring_unref(&k);
}

static void test_a_key_ends_when_it_is_revoked_or_expires(void **state)
{
    (void)state;
    struct keyring_key key = {.expires_at = USEC_INFINITY, .revoked_at = USEC_INFINITY};
    CHECK_INT(keyring_check(&key, NOW), KEYRING_VALID);
    key.expires_at = NOW + 1;
    CHECK_INT(keyring_check(&key, NOW), KEYRING_VALID);
    CHECK_INT(keyring_check(&key, NOW + 1), KEYRING_EXPIRED);
    key.revoked_at = NOW;
    CHECK_INT(keyring_check(&key, NOW + 1), KEYRING_REVOKED);
}

static void test_a_key_without_a_list_may_use_every_model(void **state)
{
    (void)state;
    struct keyring_key key = {0};
    CHECK(keyring_may_use(&key, STR("smart")));
    const char *models[] = {"small", "smart"};
    key.models = models;
    key.n_models = 2;
    CHECK(keyring_may_use(&key, STR("smart")));
    CHECK(!keyring_may_use(&key, STR("smarter")));
    CHECK(!keyring_may_use(&key, STR("sma")));
    CHECK(!keyring_may_use(&key, STR_EMPTY));
}

static void test_the_last_reference_frees(void **state)
{
    (void)state;
    struct keyring *a = ring_of(3), *b = keyring_ref(a);
    keyring_unref(&a);
    CHECK_U64(keyring_count(b), 3);
    keyring_unref(&b);
    keyring_unref(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_key_is_found_and_no_other),
        cmocka_unit_test(test_a_text_that_is_almost_a_key_is_none),
        cmocka_unit_test(test_the_old_text_is_good_until_its_grace_ends),
        cmocka_unit_test(test_a_key_ends_when_it_is_revoked_or_expires),
        cmocka_unit_test(test_a_key_without_a_list_may_use_every_model),
        cmocka_unit_test(test_the_last_reference_frees),
    };
    return cmocka_run_group_tests(tests, make_pepper, drop_pepper);
}
