#include "frames.h"

#define MAX_FRAME (1u << 20)

static bool on_sse(void *arg, const struct sse_event *event)
{
    struct frames *f = arg;

    return f->fn(f->arg, str_from(event->name), (struct str){event->data, event->data_len});
}

static bool on_line(void *arg, struct str line)
{
    struct frames *f = arg;

    return f->fn(f->arg, STR("message"), line);
}

static bool on_message(void *arg, struct str name, struct str payload)
{
    struct frames *f = arg;

    return f->fn(f->arg, name, payload);
}

void frames_init(struct frames *f, const struct dialect *d, frames_fn fn, void *arg)
{
    size_t max = d->max_frame > 0 ? d->max_frame : MAX_FRAME;

    *f = (struct frames){.fn = fn, .arg = arg, .framing = d->framing, .is_open = true};
    switch (d->framing) {
    case DIALECT_SSE:
        sse_init(&f->sse, max, on_sse, f);
        return;
    case DIALECT_NDJSON:
        ndjson_init(&f->ndjson, max, on_line, f);
        return;
    case DIALECT_EVENTSTREAM:
        eventstream_init(&f->eventstream, max, on_message, f);
        return;
    }
}

void frames_done(struct frames *f)
{
    if (!f->is_open)
        return;
    f->is_open = false;
    switch (f->framing) {
    case DIALECT_SSE:
        sse_done(&f->sse);
        return;
    case DIALECT_NDJSON:
        ndjson_done(&f->ndjson);
        return;
    case DIALECT_EVENTSTREAM:
        eventstream_done(&f->eventstream);
        return;
    }
}

static enum frames_result of_sse(enum sse_result r)
{
    switch (r) {
    case SSE_OK:
        return FRAMES_OK;
    case SSE_STOPPED:
        return FRAMES_STOPPED;
    case SSE_TOO_LONG:
        return FRAMES_INVALID;
    }
    return FRAMES_INVALID;
}

static enum frames_result of_ndjson(enum ndjson_result r)
{
    switch (r) {
    case NDJSON_OK:
        return FRAMES_OK;
    case NDJSON_STOPPED:
        return FRAMES_STOPPED;
    case NDJSON_TOO_LONG:
        return FRAMES_INVALID;
    }
    return FRAMES_INVALID;
}

static enum frames_result of_eventstream(enum eventstream_result r)
{
    switch (r) {
    case EVENTSTREAM_OK:
        return FRAMES_OK;
    case EVENTSTREAM_STOPPED:
        return FRAMES_STOPPED;
    case EVENTSTREAM_TOO_LONG:
    case EVENTSTREAM_CORRUPT:
        return FRAMES_INVALID;
    }
    return FRAMES_INVALID;
}

enum frames_result frames_feed(struct frames *f, struct str bytes)
{
    switch (f->framing) {
    case DIALECT_SSE:
        return of_sse(sse_feed(&f->sse, bytes.data, bytes.len));
    case DIALECT_NDJSON:
        return of_ndjson(ndjson_feed(&f->ndjson, bytes.data, bytes.len));
    case DIALECT_EVENTSTREAM:
        return of_eventstream(eventstream_feed(&f->eventstream, bytes.data, bytes.len));
    }
    return FRAMES_INVALID;
}

enum frames_result frames_end(struct frames *f)
{
    if (f->is_open && f->framing == DIALECT_NDJSON)
        return of_ndjson(ndjson_end(&f->ndjson));
    return FRAMES_OK;
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
