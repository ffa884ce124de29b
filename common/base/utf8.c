#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)

static uint64_t load(const unsigned char *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof(word));
    return word;
}

/* The first byte that is not ASCII, or the last few bytes before `end`. */
static const unsigned char *skip_ascii(const unsigned char *p, const unsigned char *end)
{
    while (end - p >= 16 && ((load(p) | load(p + 8)) & HIGH_BITS) == 0)
        p += 16;
    if (end - p >= 8) {
        uint64_t high = load(p) & HIGH_BITS;
        p += high ? __builtin_ctzll(high) / 8 : 8;
    }
    return p;
}

/* Characters of three bytes (E1 to EC, EE, EF: any tail will do), as most of Asia writes them. */
static const unsigned char *skip_three(const unsigned char *p, const unsigned char *end)
{
    uint32_t word;

    for (; end - p >= 4 && *p != 0xe0 && *p != 0xed; p += 3) {
        memcpy(&word, p, sizeof(word));
        if ((word & 0x00c0c0f0) != 0x008080e0)
            break;
    }
    return p;
}

static bool is_tail(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

/* The well-formed sequences of RFC 3629 section 4; `lead` is not ASCII. */
static size_t sequence(const unsigned char *p, size_t len)
{
    unsigned char lead = p[0];

    if (lead < 0xc2 || lead > 0xf4 || len < 2 || !is_tail(p[1]))
        return 0;
    if (lead < 0xe0)
        return 2;
    if (len < 3 || !is_tail(p[2]))
        return 0;
    if (lead < 0xf0) {
        if ((lead == 0xe0 && p[1] < 0xa0) || (lead == 0xed && p[1] > 0x9f))
            return 0;
        return 3;
    }
    if (len < 4 || !is_tail(p[3]))
        return 0;
    if ((lead == 0xf0 && p[1] < 0x90) || (lead == 0xf4 && p[1] > 0x8f))
        return 0;
    return 4;
}

size_t utf8_valid_length(const char *text, size_t len)
{
    const unsigned char *start = (const unsigned char *)text, *p = start;

    if (len == 0)
        return 0;
    const unsigned char *end = start + len;
    while (p < end) {
        if (*p < 0x80) {
            const unsigned char *next = skip_ascii(p, end);
            p = next > p ? next : p + 1;
            continue;
        }
        size_t n = sequence(p, (size_t)(end - p));
        if (n == 0)
            break;
        p = n == 3 ? skip_three(p + 3, end) : p + n;
    }
    return (size_t)(p - start);
}

bool utf8_is_valid(const char *text, size_t len)
{
    return utf8_valid_length(text, len) == len;
}

size_t utf8_step(const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;

    if (len == 0)
        return 0;
    return *p < 0x80 ? 1 : sequence(p, len);
}

size_t utf8_prefix(const char *text, size_t len, size_t max_bytes)
{
    size_t n = max_bytes;

    if (len <= max_bytes)
        return len;
    for (unsigned back = 0; back < 3 && n > 0 && is_tail((unsigned char)text[n]); back++)
        n--;
    return n;
}
