/* fetch_answer.h -- what does an HTTP/1.1 answer carry, and where does it end? Pure.
 *
 * Bytes in, as the network cut them; the final head, pieces of the body, and the end out.
 */
#pragma once

#include "base/http1_chunked.h"
#include "io/fetch_head.h"

#include <stdbool.h>
#include <stdint.h>

enum fetch_answer_result {
    FETCH_ANSWER_MORE = 0, /* the input is used up */
    FETCH_ANSWER_HEAD,     /* once: the final head is in `head` */
    FETCH_ANSWER_PIECE,    /* of the body */
    FETCH_ANSWER_END,      /* complete; *in holds what follows it */
    FETCH_ANSWER_INVALID,
};

struct fetch_answer {
    struct fetch_head head;
    struct http1_chunked chunked;
    uint64_t left; /* of a body with a length */
};

void fetch_answer_init(struct fetch_answer *a);
void fetch_answer_done(struct fetch_answer *a);
void fetch_answer_begin(struct fetch_answer *a, bool answers_head);

/* Call again until it is MORE or final. *in moves behind what was taken; *ret_piece is borrowed
 * from it. */
MUST_USE enum fetch_answer_result fetch_answer_next(struct fetch_answer *a, struct str *in,
                                                    struct str *ret_piece);

/* Does the end of the connection end the answer well? */
bool fetch_answer_is_ended_by_close(const struct fetch_answer *a);
