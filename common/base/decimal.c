#include "base/decimal.h"

size_t decimal_padded(uint64_t n, unsigned digits, char *ret_text)
{
    ret_text[digits] = '\0';
    for (unsigned at = digits; at > 0; n /= 10)
        ret_text[--at] = (char)('0' + n % 10);
    return digits;
}

size_t decimal_u64(uint64_t n, char *ret_text)
{
    unsigned digits = 1;

    for (uint64_t rest = n / 10; rest > 0; rest /= 10)
        digits++;
    return decimal_padded(n, digits, ret_text);
}

size_t decimal_i64(int64_t n, char *ret_text)
{
    if (n >= 0)
        return decimal_u64((uint64_t)n, ret_text);
    *ret_text = '-';
    return 1 + decimal_u64(0 - (uint64_t)n, ret_text + 1);
}
