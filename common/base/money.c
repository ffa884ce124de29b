#include "base/money.h"

#include "base/decimal.h"

#include <assert.h>
#include <string.h>

#define MAX_DIGITS 9 /* before the point, and after it */

__extension__ typedef __int128 wide;

/* The digits `text` starts with; more than MAX_DIGITS or none is no number. */
static bool take_digits(struct str *text, int64_t *ret_value, size_t *ret_n)
{
    size_t n = 0;

    *ret_value = 0;
    while (n < text->len && text->data[n] >= '0' && text->data[n] <= '9') {
        if (n == MAX_DIGITS)
            return false;
        *ret_value = *ret_value * 10 + (text->data[n++] - '0');
    }
    if (n == 0)
        return false;
    text->data += n;
    text->len -= n;
    *ret_n = n;
    return true;
}

bool money_parse(struct str text, int64_t *ret_nano)
{
    int64_t whole, decimals = 0;
    size_t n;

    if (!take_digits(&text, &whole, &n))
        return false;
    if (text.len > 0) {
        if (*text.data != '.')
            return false;
        text.data++;
        text.len--;
        if (!take_digits(&text, &decimals, &n) || text.len > 0)
            return false;
        for (; n < MAX_DIGITS; n++)
            decimals *= 10;
    }
    *ret_nano = whole * MONEY_NANO_PER_USD + decimals;
    return true;
}

/* INT64_MIN means unknown, so no sum may become it. */
static int64_t clamp(wide x)
{
    if (x > INT64_MAX)
        return INT64_MAX;
    return x < -INT64_MAX ? -INT64_MAX : (int64_t)x;
}

int64_t money_cost(const struct money_part *parts, size_t n)
{
    wide sum = 0;

    assert(n <= 8);
    for (size_t i = 0; i < n; i++) {
        if (parts[i].tokens == 0)
            continue;
        if (parts[i].tokens < 0 || parts[i].nano_per_million == MONEY_UNKNOWN)
            return MONEY_UNKNOWN;
        /* prices end at 10^18, so not even eight products leave the range */
        sum += (wide)parts[i].tokens * parts[i].nano_per_million;
    }
    return clamp((sum + 500000) / 1000000);
}

int64_t money_add(int64_t a, int64_t b)
{
    if (a == MONEY_UNKNOWN || b == MONEY_UNKNOWN)
        return MONEY_UNKNOWN;
    return clamp((wide)a + b);
}

void money_format(int64_t nano, char *ret_text)
{
    if (nano == MONEY_UNKNOWN) {
        *ret_text = '\0';
        return;
    }
    uint64_t n = nano < 0 ? 0 - (uint64_t)nano : (uint64_t)nano;
    if (nano < 0)
        *ret_text++ = '-';
    ret_text += decimal_u64(n / MONEY_NANO_PER_USD, ret_text);
    *ret_text++ = '.';
    decimal_padded(n % MONEY_NANO_PER_USD, MAX_DIGITS, ret_text);
}

void money_format_short(int64_t nano, char *ret_text)
{
    money_format(nano, ret_text);
    size_t len = strlen(ret_text);
    while (len > 0 && ret_text[len - 1] == '0')
        len--;
    if (len > 0 && ret_text[len - 1] == '.')
        len--;
    ret_text[len] = '\0';
}
