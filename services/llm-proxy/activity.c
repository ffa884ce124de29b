#include "activity.h"

#include "base/buf.h"
#include "base/digest.h"
#include "proto/load.h"
#include "proto/message.h"
#include "proto/node_state.h"
#include "upstream.h"

#include <stdio.h>
#include <stdlib.h>

#define LOOK     (NODE_STATE_HEARTBEAT / 5)
#define MAX_BODY 256

struct activity {
    struct loop *loop;
    const struct map *upstreams;
    struct bus_socket *socket;
    struct loop_timer timer;
    struct load told;
    usec_t told_at;
};

uint64_t activity_count(const struct activity *a)
{
    uint64_t sum = 0;
    size_t cursor = 0;
    struct str name;
    void *upstream;

    while (map_next(a->upstreams, &cursor, &name, &upstream))
        sum += upstream_look(upstream, loop_now(a->loop)).in_flight;
    return sum;
}

static void tell(struct activity *a)
{
    const struct message_header header = {.type = MESSAGE_LOAD};
    uint8_t head[MESSAGE_HEADER_SIZE];
    struct buf body;

    message_encode(&header, head);
    buf_init(&body, MAX_BODY);
    if (load_encode(&a->told, &body) == BUF_OK) {
        const struct bus_message m = {
            .frame = {{(const char *)head, sizeof(head)}, buf_str(&body)},
            .n = 2,
        };
        (void)!bus_socket_send(a->socket, &m); /* nobody may be there */
    }
    buf_done(&body);
    a->told_at = loop_now(a->loop);
}

static void on_look(void *arg)
{
    struct activity *a = arg;
    uint64_t now = activity_count(a);

    if (now != a->told.active_requests || loop_now(a->loop) - a->told_at >= NODE_STATE_HEARTBEAT) {
        a->told.active_requests = now;
        tell(a);
    }
    loop_timer_start(&a->timer, LOOK);
}

int activity_new(struct bus *b, struct loop *l, const char *runtime, const struct map *upstreams,
                 struct activity **ret)
{
    CLEANUP(activity_free) struct activity *a = calloc(1, sizeof(*a));
    char endpoint[512];

    if (!a)
        abort();
    a->loop = l;
    a->upstreams = upstreams;
    digest_random(&a->told.proxy, sizeof(a->told.proxy));
    a->told.proxy |= 1;
    loop_timer_init(&a->timer, l, on_look, a);
    snprintf(endpoint, sizeof(endpoint), "ipc://%s/outcomes.sock", runtime);
    const struct bus_socket_config config = {.pattern = BUS_PUSH, .endpoint = endpoint};
    int r = bus_socket_new(b, l, &config, &a->socket);
    if (r < 0)
        return r;
    loop_timer_start(&a->timer, 0);
    *ret = TAKE(a);
    return 0;
}

void activity_free(struct activity **a)
{
    if (!*a)
        return;
    loop_timer_stop(&(*a)->timer);
    bus_socket_free(&(*a)->socket);
    free(*a);
    *a = NULL;
}
