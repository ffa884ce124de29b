/* window_words.h -- how large is the window that a request did not fit into, in the words of the
 * provider that refused it? Pure.
 */
#pragma once

#include "base/str.h"

#include <stdint.h>

struct window_words {
    uint64_t limit;  /* tokens; 0: it does not say */
    uint64_t actual; /* what the request came to, by its count; 0: it does not say */
};

struct window_words window_words_read(struct str message);

/* What a window leaves for the prompt; `output` is the room that the answer needs, 0: nobody says.
 */
uint64_t window_words_room(uint64_t window, uint64_t output);

struct window_fit {
    uint64_t prompt; /* tokens of the whole prompt as we count them */
    uint64_t output; /* as above */
};

/* To how many tokens, by our count, the prompt has to shrink to be taken: always fewer than it
 * has. */
uint64_t window_words_budget(const struct window_words *w, const struct window_fit *fit);
