/* A file of time zones is refused, or answers for every moment. */
#include "base/zone.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct zone *z = NULL;
    if (zone_new("fuzz", (struct str){(const char *)data, size}, &z) != ZONE_OK) {
        assert(!z);
        return 0;
    }
    for (int64_t t = -4000000000; t < 8000000000; t += 97654321) {
        int32_t offset = zone_offset(z, t);
        assert(offset == zone_offset(z, t));
        (void)zone_start(z, ZONE_MONTH, t);
        (void)zone_end(z, ZONE_DAY, t);
    }
    zone_free(&z);
    return 0;
}
