#include "proto/message.h"

#include "check.h"

#include <string.h>

static struct str bytes(const uint8_t *b, size_t n)
{
    return (struct str){(const char *)b, n};
}

static void the_header_is_little_endian_and_sixteen_bytes(void **state)
{
    static const uint8_t expected[MESSAGE_HEADER_SIZE] = {
        0x4c, 0x01, 0x10, 0x00, 0x04, 0x03, 0x02, 0x01, 8, 7, 6, 5, 4, 3, 2, 0xf1};
    struct message_header h = {MESSAGE_HEALTH_SNAPSHOT, 0x01020304, UINT64_C(0xf102030405060708)};
    struct message_header again;
    uint8_t b[MESSAGE_HEADER_SIZE];

    (void)state;
    message_encode(&h, b);
    CHECK(memcmp(b, expected, sizeof(b)) == 0);
    CHECK_INT(message_decode(bytes(b, sizeof(b)), &again), MESSAGE_OK);
    CHECK_INT(again.type, h.type);
    CHECK_U64(again.flags, h.flags);
    CHECK(again.correlation_id == h.correlation_id);
}

static void every_type_survives_and_no_other_is_known(void **state)
{
    static const unsigned known[] = {1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 32, 33, 48, 49};
    unsigned n = 0;

    (void)state;
    for (unsigned type = 0; type < 65536; type++) {
        uint8_t b[MESSAGE_HEADER_SIZE] = {0x4c, 1, (uint8_t)type, (uint8_t)(type >> 8)};
        struct message_header h;
        enum message_result r = message_decode(bytes(b, sizeof(b)), &h);
        if (n < sizeof(known) / sizeof(known[0]) && type == known[n]) {
            CHECK_INT(r, MESSAGE_OK);
            CHECK_INT(h.type, type);
            n++;
        } else {
            CHECK_INT(r, MESSAGE_UNKNOWN_TYPE);
        }
    }
    CHECK_U64(n, sizeof(known) / sizeof(known[0]));
}

static void a_header_of_another_size_magic_or_version_is_refused(void **state)
{
    uint8_t b[MESSAGE_HEADER_SIZE + 1] = {0x4c, 1, 1};
    struct message_header h;

    (void)state;
    for (size_t n = 0; n <= sizeof(b); n++) {
        enum message_result r = message_decode(bytes(b, n), &h);
        CHECK_INT(r, n == MESSAGE_HEADER_SIZE ? MESSAGE_OK : MESSAGE_BAD_HEADER);
    }
    b[0] = 0x4d;
    CHECK_INT(message_decode(bytes(b, MESSAGE_HEADER_SIZE), &h), MESSAGE_BAD_HEADER);
    b[0] = 0x4c;
    for (unsigned version = 0; version < 256; version++) {
        b[1] = (uint8_t)version;
        enum message_result r = message_decode(bytes(b, MESSAGE_HEADER_SIZE), &h);
        CHECK_INT(r, version == 1 ? MESSAGE_OK : MESSAGE_UNKNOWN_VERSION);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_header_is_little_endian_and_sixteen_bytes),
        cmocka_unit_test(every_type_survives_and_no_other_is_known),
        cmocka_unit_test(a_header_of_another_size_magic_or_version_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
