#include "base/parse.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool claim)
{
    if (!claim)
        abort();
}

/* What is accepted is what the number prints as, but for leading zeros. */
static void check_number(struct str text, bool accepted, const char *printed, bool any_case)
{
    if (!accepted)
        return;
    require(text.len > 0);
    while (text.len > 1 && text.data[0] == '0') {
        text.data++;
        text.len--;
    }
    require(any_case ? str_is_nocase(text, printed) : str_is(text, printed));
}

/* The property: nothing is accepted that does not print back, and every bound holds. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const usec_t max = 3600 * USEC_PER_SEC, now = (usec_t)1700000000 * USEC_PER_SEC;
    struct str text = {(const char *)data, size};
    char printed[32] = "";
    uint64_t n = 0;
    double d = 0;
    usec_t t = 0;

    bool is_u64 = parse_u64(text, &n);
    snprintf(printed, sizeof(printed), "%" PRIu64, n);
    check_number(text, is_u64, printed, false);
    require(!is_u64 || parse_size(text, &n));

    bool is_hex = parse_hex(text, &n);
    snprintf(printed, sizeof(printed), "%" PRIx64, n);
    check_number(text, is_hex, printed, true);

    if (parse_double(text, &d))
        require(isfinite(d) && d >= 0);
    require(!parse_duration(text, &t) || t < USEC_INFINITY);

    bool is_wait = parse_retry_after(text, now, max, &t);
    require(!is_wait || t <= max);
    require(!is_u64 || is_wait);
    return 0;
}
