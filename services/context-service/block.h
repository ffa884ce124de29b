/* block.h -- under which keys are folded messages kept?
 *
 * A model that wants something back gets a block of it: some thousand tokens of messages, as the
 * client sent them.
 */
#pragma once

#include "base/macro.h"
#include "conversation.h"

struct block {
    char key[MARKER_KEY_SIZE];
    struct str bytes;  /* JSON array of the messages */
    size_t first, end; /* groups */
    bool is_folded;    /* for the caller: any of them */
};

struct block_list {
    struct block *block; /* in order */
    size_t n;
    char key[MARKER_KEY_SIZE]; /* of all of them together */
};

/* Of the groups before `end` that are neither pinned nor dropped. The keys of all blocks take a
 * small share of `goal` tokens. False at the arena's ceiling. */
MUST_USE bool block_make(struct block_list *l, const struct conversation *c, size_t end,
                         uint64_t goal);
