#include "base/eventstream.h"

#include "check.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

static char seen[4096];

static bool collect(void *arg, struct str name, struct str payload)
{
    size_t *stop_after = arg;
    size_t len = strlen(seen);

    snprintf(seen + len, sizeof(seen) - len, "%.*s=%.*s;", STR_ARG(name), STR_ARG(payload));
    return *stop_after == 0 || --*stop_after > 0;
}

static void put_u32(unsigned char *to, uint32_t n)
{
    for (int i = 0; i < 4; i++)
        to[i] = (unsigned char)(n >> (24 - 8 * i));
}

static size_t put_header(unsigned char *to, const char *name, const char *value)
{
    size_t name_len = strlen(name), value_len = strlen(value);

    to[0] = (unsigned char)name_len;
    memcpy(to + 1, name, name_len);
    to[1 + name_len] = 7;
    to[2 + name_len] = (unsigned char)(value_len >> 8);
    to[3 + name_len] = (unsigned char)value_len;
    memcpy(to + 4 + name_len, value, value_len);
    return 4 + name_len + value_len;
}

/* A message with a boolean and an integer header beside its name. */
static size_t message(unsigned char *to, const char *header, const char *name, const char *payload)
{
    static const unsigned char others[] = {1, 'b', 0, 1, 'i', 4, 1, 2, 3, 4};
    size_t headers = put_header(to + 12, header, name);

    memcpy(to + 12 + headers, others, sizeof(others));
    headers += sizeof(others);
    memcpy(to + 12 + headers, payload, strlen(payload));
    size_t total = 12 + headers + strlen(payload) + 4;
    put_u32(to, (uint32_t)total);
    put_u32(to + 4, (uint32_t)headers);
    put_u32(to + 8, (uint32_t)crc32(0, to, 8));
    put_u32(to + total - 4, (uint32_t)crc32(0, to, (uInt)(total - 4)));
    return total;
}

static unsigned char bytes[1024];

static size_t two_messages(void)
{
    size_t n = message(bytes, ":event-type", "contentBlockDelta", "{\"a\":1}");

    return n + message(bytes + n, ":exception-type", "throttlingException", "");
}

static enum eventstream_result parse(size_t n, size_t step, size_t stop_after)
{
    struct eventstream_parser p;
    enum eventstream_result r = EVENTSTREAM_OK;

    *seen = '\0';
    eventstream_init(&p, 256, collect, &stop_after);
    for (size_t i = 0; i < n && r == EVENTSTREAM_OK; i += step)
        r = eventstream_feed(&p, (const char *)bytes + i, n - i < step ? n - i : step);
    eventstream_done(&p);
    return r;
}

static void messages_come_out_whole_however_they_are_cut(void **state)
{
    size_t n = two_messages();

    (void)state;
    for (size_t step = 1; step <= n; step++) {
        CHECK_INT(parse(n, step, 0), EVENTSTREAM_OK);
        CHECK_TEXT(seen, "contentBlockDelta={\"a\":1};throttlingException=;");
    }
}

static void the_callback_can_stop(void **state)
{
    (void)state;
    CHECK_INT(parse(two_messages(), 1000, 1), EVENTSTREAM_STOPPED);
    CHECK_TEXT(seen, "contentBlockDelta={\"a\":1};");
}

static void any_flipped_bit_is_noticed(void **state)
{
    (void)state;
    for (size_t bit = 0; bit < 8 * two_messages(); bit++) {
        size_t n = two_messages();
        bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        enum eventstream_result r = parse(n, 1000, 0);
        CHECK(r == EVENTSTREAM_CORRUPT || r == EVENTSTREAM_TOO_LONG);
    }
}

static void a_length_beyond_the_ceiling_is_refused_before_it_comes(void **state)
{
    (void)state;
    two_messages();
    put_u32(bytes, 257);
    put_u32(bytes + 8, (uint32_t)crc32(0, bytes, 8));
    CHECK_INT(parse(12, 12, 0), EVENTSTREAM_TOO_LONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_come_out_whole_however_they_are_cut),
        cmocka_unit_test(the_callback_can_stop),
        cmocka_unit_test(any_flipped_bit_is_noticed),
        cmocka_unit_test(a_length_beyond_the_ceiling_is_refused_before_it_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
