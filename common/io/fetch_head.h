/* fetch_head.h -- what does the head of an answer say?
 *
 * Keeps the final head and swallows interim ones, within the ceilings below. The text is parsed
 * strictly whichever client read it.
 */
#pragma once

#include "base/buf.h"
#include "base/http1_response.h"
#include "base/macro.h"
#include "base/str.h"

#define FETCH_HEAD_MAX_BYTES    (64u << 10)
#define FETCH_HEAD_MAX_FIELDS   100u
#define FETCH_HEAD_MAX_INTERIMS 8u

enum fetch_head_result { FETCH_HEAD_DONE = 0, FETCH_HEAD_MORE, FETCH_HEAD_INVALID };

struct fetch_head {
    struct http1_response response;
    struct buf text;
    unsigned n_interims;
    bool is_done;
    struct http1_field fields[FETCH_HEAD_MAX_FIELDS];
};

void fetch_head_init(struct fetch_head *h);
void fetch_head_done(struct fetch_head *h);

/* For the next answer; keeps memory of ordinary size. `answers_head`: the request was a HEAD. */
void fetch_head_begin(struct fetch_head *h, bool answers_head);

/* *bytes moves behind what belongs to the head. */
MUST_USE enum fetch_head_result fetch_head_feed(struct fetch_head *h, struct str *bytes);

/* The first field of that name; data NULL: none, or no final head yet. */
struct str fetch_head_find(const struct fetch_head *h, const char *name);
