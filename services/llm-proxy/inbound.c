#include "inbound.h"

static const struct inbound *const inbounds[] = {
    &inbound_chat,         &inbound_completions,        &inbound_embeddings,
    &inbound_responses,    &inbound_messages,           &inbound_opaque_images,
    &inbound_opaque_audio, &inbound_opaque_moderations, &inbound_opaque_rerank,
};

const struct inbound *inbound_find(struct str path)
{
    for (size_t i = 0; i < sizeof(inbounds) / sizeof(inbounds[0]); i++)
        if (str_is(path, inbounds[i]->route))
            return inbounds[i];
    return NULL;
}

void inbound_stream_init(struct inbound_stream *s, const struct inbound_answer *answer)
{
    *s = (struct inbound_stream){.answer = *answer, .open_block = -1};
    buf_init(&s->text, INBOUND_MAX_TEXT);
    buf_init(&s->items, INBOUND_MAX_TEXT);
}

void inbound_stream_done(struct inbound_stream *s)
{
    buf_done(&s->text);
    buf_done(&s->items);
}
