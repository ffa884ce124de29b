#include "settings_hold.h"

#include <stdatomic.h>
#include <stdlib.h>

struct settings_hold {
    atomic_uint refs;
    struct settings *settings;
};

struct settings_hold *settings_hold_new(struct settings *s)
{
    struct settings_hold *h = malloc(sizeof(*h));

    if (!h)
        abort();
    atomic_init(&h->refs, 1);
    h->settings = s;
    return h;
}

struct settings_hold *settings_hold_ref(struct settings_hold *h)
{
    atomic_fetch_add(&h->refs, 1);
    return h;
}

void settings_hold_unref(struct settings_hold **h)
{
    struct settings_hold *old = *h;

    *h = NULL;
    if (!old || atomic_fetch_sub(&old->refs, 1) != 1)
        return;
    settings_free(&old->settings);
    free(old);
}

const struct settings *settings_hold_look(const struct settings_hold *h)
{
    return h->settings;
}
