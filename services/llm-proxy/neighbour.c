#include "neighbour.h"

#include <stdio.h>
#include <stdlib.h>

struct neighbour {
    struct bus_socket *socket;
};

static void on_message(void *arg, struct bus_socket *socket, const struct bus_message *m)
{
    (void)arg, (void)m;
    bus_socket_count_invalid(socket); /* it was asked nothing */
}

int neighbour_new(struct bus *b, struct loop *l, const char *runtime, struct neighbour **ret)
{
    CLEANUP(neighbour_free) struct neighbour *n = calloc(1, sizeof(*n));
    char endpoint[512];

    if (!n)
        abort();
    snprintf(endpoint, sizeof(endpoint), "ipc://%s/context.sock", runtime);
    const struct bus_socket_config config = {
        .pattern = BUS_DEALER,
        .endpoint = endpoint,
        .on_message = on_message,
    };
    int r = bus_socket_new(b, l, &config, &n->socket);
    if (r == 0)
        *ret = TAKE(n);
    return r;
}

void neighbour_free(struct neighbour **n)
{
    if (!*n)
        return;
    bus_socket_free(&(*n)->socket);
    free(*n);
    *n = NULL;
}

bool neighbour_is_there(struct neighbour *n)
{
    return bus_socket_has_peer(n->socket);
}
