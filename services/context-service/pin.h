/* pin.h -- which groups of a conversation must stay, and how far may condensing reach? */
#pragma once

#include "base/macro.h"
#include "conversation.h"

struct pin_reach {
    size_t calm;   /* groups before it are older than the last thing the user said */
    size_t utmost; /* groups before it are not among the last messages asked for */
};

/* Pins system and developer messages; what the user said last; the groups of the last `keep_last`
 * messages (at least one); what `wanted` asks for (or NULL): an array of numbers of messages, from
 * 0, and of texts, each of which pins the messages that say it; and of all that is no message of
 * the user's the one that it answers to. */
struct pin_reach pin_groups(struct conversation *c, size_t keep_last,
                            const struct json_value *wanted);
