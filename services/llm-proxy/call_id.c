#include "call_id.h"

#include "base/map.h"

#include <inttypes.h>

struct str call_id_make(struct arena *a, struct str source, uint32_t number)
{
    static const uint64_t seed[2] = {0, 0};

    return str_from(arena_printf(a, "call_%016" PRIx64 "%x", map_hash(seed, source), number));
}
