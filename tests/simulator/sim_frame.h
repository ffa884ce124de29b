/* sim_frame.h -- how does one event of a stream look, before the transfer coding? */
#pragma once

#include "base/buf.h"
#include "base/str.h"

enum sim_frame_kind {
    SIM_FRAME_SSE,       /* data: … */
    SIM_FRAME_SSE_NAMED, /* event: TYPE, data: … */
    SIM_FRAME_SSE_CRLF,  /* data: … with CR LF, as Gemini's */
    SIM_FRAME_LINES,     /* a JSON object a line */
    SIM_FRAME_ARRAY,     /* elements of one JSON array */
    SIM_FRAME_AWS,       /* application/vnd.amazon.eventstream */
};

/* `type` names the event where the framing has names; `is_first` matters to an array. */
void sim_frame_event(struct buf *out, enum sim_frame_kind kind, const char *type, struct str json,
                     bool is_first);
/* An exception of the AWS framing. */
void sim_frame_exception(struct buf *out, const char *type, struct str json);
