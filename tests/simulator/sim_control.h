/* sim_control.h -- which script is next, and what do the /sim/ routes say?
 *
 *   POST /sim/script[?for=chat|models]  one script a line: each request takes the next line, the
 *                                       last line stays. An empty body is the plain answer.
 *   GET  /sim/record[?since=N&brief]    what was received after request N, a JSON array; of a chat
 *                                       also its dialect and what is understood (sim_note.h)
 *   GET  /sim/stats                     connections and requests, counted
 *   POST /sim/reset                     forget records, go back to the command line's script
 *
 * A request's model name ("…sim:SCRIPT") is laid over the line, the x-sim header over both.
 */
#pragma once

#include "base/buf.h"
#include "sim_http.h"
#include "sim_record.h"
#include "sim_script.h"
#include "sim_sigv4.h"

#define SIM_CONTROL_MAX_LINES 64

struct sim_control_queue {
    struct sim_script line[SIM_CONTROL_MAX_LINES];
    size_t n, at;
};

struct sim_control {
    struct sim_script initial; /* the command line's */
    struct sim_control_queue chat, models;
    struct sim_record record;
    struct sim_sigv4_key aws_key; /* its id is empty: signatures are not verified */
    uint64_t accepted, open, requests;
};

void sim_control_init(struct sim_control *c, const struct sim_script *initial, size_t max_records);
void sim_control_done(struct sim_control *c);

/* Takes the queue's next line. `*reterr` is the item at fault of the model's or header's script. */
MUST_USE enum sim_script_result sim_control_next_script(struct sim_control_queue *queue,
                                                        const struct sim_http_request *request,
                                                        struct str model, struct sim_script *ret,
                                                        struct str *reterr);

/* Answers a /sim/ request: returns the status, the JSON is added to `out`. */
int sim_control_answer(struct sim_control *c, const struct sim_http_request *request,
                       struct buf *out);
