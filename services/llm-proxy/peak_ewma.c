#include "peak_ewma.h"

#include <math.h>

static double kept(const struct peak_ewma *e, usec_t now)
{
    usec_t past = now > e->at ? now - e->at : 0;

    return exp(-(double)past / (double)PEAK_EWMA_MEMORY);
}

double peak_ewma_seconds(const struct peak_ewma *e, usec_t now)
{
    return e->at > 0 ? e->seconds * kept(e, now) : 0;
}

void peak_ewma_add(struct peak_ewma *e, usec_t duration, usec_t now)
{
    double seconds = (double)duration / (double)USEC_PER_SEC;
    double share = e->at > 0 ? kept(e, now) : 0;
    double mixed = e->seconds * share + seconds * (1 - share);

    e->seconds = seconds > e->seconds * share ? seconds : mixed;
    e->at = now > e->at ? now : e->at;
}
