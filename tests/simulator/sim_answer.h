/* sim_answer.h -- which bytes does a scripted answer consist of, and when is each of them due?
 *
 * Pure: the caller passes the time and writes the bytes. What is said is sim_content's, how it is
 * spelled the dialect's; timing, cuts and faults are the same for all of them.
 */
#pragma once

#include "base/buf.h"
#include "sim_content.h"
#include "sim_dialect.h"
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

struct sim_answer_usage {
    uint64_t input, cached;     /* cached ones are among the input … */
    uint64_t output, reasoning; /* … reasoning among the output */
};

struct sim_answer {
    struct sim_script script;
    const struct sim_dialect *dialect;
    enum sim_frame_kind frame;
    enum sim_answer_phase phase;
    usec_t due, now;
    bool is_stream, wants_usage, wants_logprobs, is_first_event;
    const char *only_reason; /* not NULL: the answer consists of its end */
    uint64_t number;
    char id[32], model[128], type[64];
    char error_type[64]; /* of the header, where the dialect has one */
    uint64_t prompt_bytes;
    struct sim_content content;
    uint64_t piece, n_pieces; /* of a stream, or slices of a body */
    uint64_t made;            /* bytes of the answer so far, head and framing included */
    struct buf body;          /* of an answer that is not streamed */
    struct buf scratch;       /* one event */
    struct buf kept;          /* text of the block, for dialects that repeat it at its end */
    struct buf framed;        /* the event as it goes out */
    uint64_t sequence;        /* of events, for dialects that number them */
};

void sim_answer_init(struct sim_answer *a);
void sim_answer_done(struct sim_answer *a);

/* The next answer: sim_answer_begin(), then one of the three. `number` is in its id. */
void sim_answer_begin(struct sim_answer *a, const struct sim_script *script, uint64_t number,
                      usec_t now);
void sim_answer_chat(struct sim_answer *a, const struct sim_dialect *dialect,
                     const struct sim_chat *chat);
/* An answer that is no chat; the script's timing, errors and cuts apply to it all the same. `type`
 * is its Content-Type. */
void sim_answer_body(struct sim_answer *a, const struct sim_dialect *dialect, struct str body,
                     const char *type);
/* The simulator's own refusal, in the dialect's words. */
void sim_answer_refuse(struct sim_answer *a, const struct sim_dialect *dialect,
                       enum sim_error_kind kind, struct str why);

MUST_USE enum sim_answer_result sim_answer_next(struct sim_answer *a, usec_t now, struct buf *out);

/* For the dialects. */

/* Bytes of a stream, in an HTTP chunk of their own, as a server that flushes each token sends them;
 * in several when the script says so. */
void sim_answer_send(const struct sim_answer *a, struct str bytes, struct buf *out);
/* Sends what stands in a->scratch as an event, and clears it. */
void sim_answer_event(struct sim_answer *a, const char *type, struct buf *out);
struct sim_answer_usage sim_answer_usage(const struct sim_answer *a);
/* How many times the usage is to be told: 0, 1, 2. */
int sim_answer_usage_times(const struct sim_answer *a);
enum sim_script_finish sim_answer_finish(const struct sim_answer *a);
/* printf that cannot fail: answers have no ceiling that a script can reach. */
void sim_answer_add(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);
