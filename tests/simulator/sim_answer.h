/* sim_answer.h -- which bytes does a scripted answer consist of, and when is each of them due?
 *
 * Pure: the caller passes the time and writes the bytes. The answer's text is, in this order of
 * precedence: `stamp` (the time), `size` (so many x), `chunks` ("w1 w2 … wN"), else "echo: " and
 * the text of the last message. In a stream each piece of it is an event of its own.
 */
#pragma once

#include "base/buf.h"
#include "sim_chat.h"
#include "sim_script.h"

enum sim_answer_result {
    SIM_ANSWER_OK = 0, /* finished; the connection may carry the next request */
    SIM_ANSWER_MORE,   /* bytes were added; call again when they are written */
    SIM_ANSWER_WAIT,   /* until `due` */
    SIM_ANSWER_SILENT, /* for ever */
    SIM_ANSWER_CLOSE,  /* with FIN */
    SIM_ANSWER_RESET,  /* with RST */
};

enum sim_answer_phase {
    SIM_ANSWER_HEAD,
    SIM_ANSWER_PIECES,
    SIM_ANSWER_TAIL,
    SIM_ANSWER_FINISHED,
};

struct sim_answer {
    struct sim_script script;
    enum sim_answer_phase phase;
    usec_t due;
    bool is_stream, wants_usage;
    char id[32], model[128];
    uint64_t prompt_bytes, text_bytes;
    uint64_t piece, n_pieces;
    uint64_t made;      /* bytes of the answer so far, head and framing included */
    struct buf text;    /* of the echo */
    size_t text_at;     /* how far the pieces have come in it */
    struct buf body;    /* of an answer that is not streamed */
    struct buf scratch; /* one event */
};

void sim_answer_init(struct sim_answer *a);
void sim_answer_done(struct sim_answer *a);

/* `number` is in the answer's id and x-request-id. */
void sim_answer_start_chat(struct sim_answer *a, const struct sim_script *script,
                           const struct sim_chat *chat, uint64_t number, usec_t now);
/* An answer that is no chat completion; the script's timing and cuts apply to it all the same. */
void sim_answer_start_json(struct sim_answer *a, const struct sim_script *script, struct str json,
                           uint64_t number, usec_t now);

MUST_USE enum sim_answer_result sim_answer_next(struct sim_answer *a, usec_t now, struct buf *out);
