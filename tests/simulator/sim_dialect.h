/* sim_dialect.h -- how does one provider's API spell questions, answers and errors?
 *
 * One file per dialect exports one const table. The reader tells sim_note what it finds; the
 * writers put the answer's pieces into the dialect's words.
 */
#pragma once

#include "sim_content.h"
#include "sim_error.h"
#include "sim_frame.h"
#include "sim_note.h"

struct sim_answer;

struct sim_dialect {
    const char *name;
    enum sim_frame_kind frame;
    const char *stream_type; /* Content-Type of a stream */
    const char *id_header;
    const char *error_header;             /* NULL: the type of an error is in its body only */
    const struct sim_error_words *errors; /* a row a kind */
    bool (*read)(struct sim_note *n);     /* false: sim_note_refuse() was called */
    void (*write_error)(const struct sim_error *e, struct buf *json);
    /* Events of a stream: sim_answer_event() sends each of them. */
    void (*write_start)(struct sim_answer *a, struct buf *out); /* NULL: nothing */
    void (*write_piece)(struct sim_answer *a, const struct sim_content_piece *p, struct buf *out);
    void (*write_end)(struct sim_answer *a, struct buf *out);
    void (*write_break)(struct sim_answer *a, const struct sim_error *e, struct buf *out);
    void (*write_whole)(struct sim_answer *a, struct buf *json);
};
