#include "frames.h"

#define MAX_FRAME (1u << 20)

static bool on_sse(void *arg, const struct sse_event *event)
{
    struct frames *f = arg;

    return f->fn(f->arg, str_from(event->name), (struct str){event->data, event->data_len});
}

void frames_init(struct frames *f, enum dialect_framing framing, frames_fn fn, void *arg)
{
    *f = (struct frames){.fn = fn, .arg = arg, .framing = framing, .is_open = true};
    sse_init(&f->sse, MAX_FRAME, on_sse, f);
}

void frames_done(struct frames *f)
{
    if (f->is_open)
        sse_done(&f->sse);
    f->is_open = false;
}

enum frames_result frames_feed(struct frames *f, struct str bytes)
{
    switch (sse_feed(&f->sse, bytes.data, bytes.len)) {
    case SSE_OK:
        return FRAMES_OK;
    case SSE_STOPPED:
        return FRAMES_STOPPED;
    case SSE_TOO_LONG:
        return FRAMES_INVALID;
    }
    return FRAMES_INVALID;
}

const char *frames_content_type(enum dialect_framing framing)
{
    switch (framing) {
    case DIALECT_SSE:
        return "text/event-stream";
    case DIALECT_NDJSON:
        return "application/x-ndjson";
    case DIALECT_EVENTSTREAM:
        return "application/vnd.amazon.eventstream";
    }
    return "";
}
