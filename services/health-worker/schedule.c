#include "schedule.h"

usec_t schedule_first(usec_t interval, uint64_t random)
{
    usec_t spread = interval < USEC_PER_SEC ? interval : USEC_PER_SEC;

    return spread > 0 ? random % spread : 0;
}

usec_t schedule_next(usec_t interval, bool is_in_doubt, uint64_t random)
{
    if (is_in_doubt)
        interval /= 4;
    usec_t spread = interval / 5;

    return interval - spread / 2 + (spread > 0 ? random % spread : 0);
}
