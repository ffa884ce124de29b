#include "inbound.h"
#include "tokens/estimate.h"

static bool read_request(struct arena *a, struct chat_request *ret, struct inbound_fault *reterr)
{
    (void)a, (void)reterr;
    ret->is_stream = false; /* what the answer is, its head says */
    ret->wants_usage = true;
    ret->prompt_tokens = ret->root ? estimate_request_sampled(ret->root) : 0;
    return true;
}

static enum buf_result write_error(enum refusal r, const char *message, const char *param,
                                   const char *request_id, struct buf *out)
{
    (void)request_id;
    return refusal_write(r, message, param, out);
}

#define OPAQUE(path, name)                                                                         \
    {                                                                                              \
        .route = path, .api = name, .dialect = DIALECT_OPENAI, .native = &dialect_opaque,          \
        .is_opaque = true, .read_request = read_request, .write_error = write_error                \
    }

const struct inbound inbound_opaque_images = OPAQUE("/v1/images/*", "images");
const struct inbound inbound_opaque_audio = OPAQUE("/v1/audio/*", "audio");
const struct inbound inbound_opaque_moderations = OPAQUE("/v1/moderations", "moderations");
const struct inbound inbound_opaque_rerank = OPAQUE("/v1/rerank", "rerank");
