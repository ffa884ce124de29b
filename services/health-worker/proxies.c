#include "proxies.h"

bool proxies_is_alive(const struct proxies *p, size_t place, usec_t now)
{
    return p->of[place].is_known && now < p->of[place].seen_at + PROXIES_PATIENCE;
}

static size_t place_of(const struct proxies *p, uint64_t id)
{
    size_t best = 0;

    for (size_t i = 0; i < PROXIES_MAX; i++) {
        if (p->of[i].is_known && p->of[i].id == id)
            return i;
        if (p->of[best].is_known && (!p->of[i].is_known || p->of[i].seen_at < p->of[best].seen_at))
            best = i;
    }
    return best;
}

size_t proxies_note(struct proxies *p, const struct load *l, usec_t now)
{
    size_t place = place_of(p, l->proxy);

    p->of[place].id = l->proxy;
    p->of[place].active_requests = l->active_requests;
    p->of[place].heard = l->heard;
    p->of[place].seen_at = now;
    p->of[place].is_known = true;
    return place;
}

uint64_t proxies_active_requests(const struct proxies *p, usec_t now)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < PROXIES_MAX; i++)
        if (proxies_is_alive(p, i, now))
            sum += p->of[i].active_requests;
    return sum;
}
