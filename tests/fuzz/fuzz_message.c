#include "proto/context.h"
#include "proto/control.h"
#include "proto/health.h"
#include "proto/learning.h"
#include "proto/load.h"
#include "proto/message.h"
#include "proto/model_news.h"
#include "proto/outcome.h"
#include "proto/workers.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One body: decoded, and what was understood encoded again. False when it is refused. */
static bool round_trip(enum message_type type, struct arena *a, struct str body, struct buf *out)
{
    static struct health_snapshot snapshot;
    static struct workers_list workers;
    static struct load load;
    struct context_request request;
    struct context_reply reply;
    struct outcome outcome;
    struct control_request control;
    struct learning learning;
    struct model_news news;

    switch (type) {
    case MESSAGE_COUNT:
    case MESSAGE_CONDENSE:
    case MESSAGE_RETRIEVE:
        return context_decode_request(a, body, &request) &&
               context_encode_request(&request, out) == BUF_OK;
    case MESSAGE_CONTEXT_REPLY:
    case MESSAGE_CONTEXT_ERROR:
        return context_decode_reply(a, body, &reply) && context_encode_reply(&reply, out) == BUF_OK;
    case MESSAGE_BILLED:
    case MESSAGE_WEIGHTS:
        return learning_decode(a, body, &learning) && learning_encode(&learning, out) == BUF_OK;
    case MESSAGE_HEALTH_SNAPSHOT:
    case MESSAGE_HEALTH_CHANGE:
        return health_decode(a, body, &snapshot) && health_encode(&snapshot, out) == BUF_OK;
    case MESSAGE_WORKERS:
        return workers_decode(a, body, &workers) && workers_encode(&workers, out) == BUF_OK;
    case MESSAGE_MODEL_NEWS:
        return model_news_decode(a, body, &news) && model_news_encode(&news, out) == BUF_OK;
    case MESSAGE_OUTCOME:
        return outcome_decode(a, body, &outcome) && outcome_encode(&outcome, out) == BUF_OK;
    case MESSAGE_LOAD:
        return load_decode(a, body, &load) && load_encode(&load, out) == BUF_OK;
    case MESSAGE_CONTROL:
    case MESSAGE_CONTROL_REPLY:
        return control_decode(a, body, &control) && control_encode(&control, out) == BUF_OK;
    }
    return false;
}

static struct str header_of(const uint8_t *data, size_t size)
{
    return (struct str){(const char *)data,
                        size < MESSAGE_HEADER_SIZE ? size : MESSAGE_HEADER_SIZE};
}

/* The property: what a peer understands and passes on, the next understands the same. The input
 * is a header and a body without a seam. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct message_header h;
    uint8_t again[MESSAGE_HEADER_SIZE];
    struct buf once, twice;
    struct arena a;

    if (message_decode(header_of(data, size), &h) != MESSAGE_OK)
        return 0;
    message_encode(&h, again);
    if (memcmp(data, again, sizeof(again)) != 0)
        abort();

    struct str body = {(const char *)data + MESSAGE_HEADER_SIZE, size - MESSAGE_HEADER_SIZE};
    arena_init(&a, 64 << 20);
    buf_init(&once, 1 << 24);
    buf_init(&twice, 1 << 24);
    if (round_trip(h.type, &a, body, &once)) {
        if (!round_trip(h.type, &a, buf_str(&once), &twice) ||
            !str_equal(buf_str(&once), buf_str(&twice)))
            abort();
    }
    buf_done(&once);
    buf_done(&twice);
    arena_done(&a);
    return 0;
}
