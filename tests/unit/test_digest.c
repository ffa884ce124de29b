#include "base/digest.h"

#include "check.h"

#include <stdlib.h>
#include <string.h>

static void check_hex(const uint8_t *digest, const char *expected)
{
    char text[2 * DIGEST_SIZE + 1];

    digest_hex(digest, DIGEST_SIZE, text);
    CHECK_TEXT(text, expected);
}

static void sha256_gives_the_published_digests(void **state)
{
    uint8_t d[DIGEST_SIZE];
    char *million = malloc(1000000);

    (void)state; /* FIPS 180-2, appendix B, and the empty text */
    digest_sha256(STR(""), d);
    check_hex(d, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    digest_sha256(STR("abc"), d);
    check_hex(d, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(million);
    memset(million, 'a', 1000000);
    digest_sha256((struct str){million, 1000000}, d);
    check_hex(d, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(million);
}

static void hmac_gives_the_digests_of_rfc_4231(void **state)
{
    uint8_t d[DIGEST_SIZE];
    char key[131];

    (void)state;
    memset(key, 0x0b, sizeof(key));
    digest_hmac((struct str){key, 20}, STR("Hi There"), d);
    check_hex(d, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    digest_hmac(STR("Jefe"), STR("what do ya want for nothing?"), d);
    check_hex(d, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof(key));
    digest_hmac((struct str){key, 131},
                STR("Test Using Larger Than Block-Size Key - Hash Key First"), d);
    check_hex(d, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void an_empty_key_or_text_is_allowed(void **state)
{
    uint8_t d[DIGEST_SIZE];

    (void)state;
    digest_hmac((struct str){NULL, 0}, (struct str){NULL, 0}, d);
    check_hex(d, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void digests_are_equal_only_when_every_byte_is(void **state)
{
    uint8_t a[DIGEST_SIZE], b[DIGEST_SIZE];

    (void)state;
    digest_sha256(STR("x"), a);
    memcpy(b, a, sizeof(b));
    CHECK(digest_equal(a, b));
    for (size_t i = 0; i < sizeof(b); i++) {
        b[i] ^= 1;
        CHECK(!digest_equal(a, b));
        b[i] ^= 1;
    }
}

static void random_bytes_differ_from_call_to_call(void **state)
{
    uint8_t a[DIGEST_SIZE] = {0}, b[DIGEST_SIZE] = {0};

    (void)state;
    digest_random(a, sizeof(a));
    digest_random(b, sizeof(b));
    CHECK(!digest_equal(a, b));
}

static void in_pieces_it_is_the_same(void **state)
{
    static const char text[] = "The quick brown fox jumps over the lazy dog, and then once more";
    uint8_t whole[DIGEST_SIZE], pieces[DIGEST_SIZE];

    (void)state;
    digest_sha256(str_from(text), whole);
    for (size_t cut = 0; cut < sizeof(text); cut++) {
        struct digest_stream *d = digest_stream_new();
        digest_stream_add(d, (struct str){text, cut});
        digest_stream_add(d, (struct str){text + cut, sizeof(text) - 1 - cut});
        digest_stream_finish(d, pieces);
        CHECK(digest_equal(whole, pieces));
        digest_stream_free(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_pieces_it_is_the_same),
        cmocka_unit_test(sha256_gives_the_published_digests),
        cmocka_unit_test(hmac_gives_the_digests_of_rfc_4231),
        cmocka_unit_test(an_empty_key_or_text_is_allowed),
        cmocka_unit_test(digests_are_equal_only_when_every_byte_is),
        cmocka_unit_test(random_bytes_differ_from_call_to_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
