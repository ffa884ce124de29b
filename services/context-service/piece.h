/* piece.h -- which texts does a message hold, and what are they? */
#pragma once

#include "conversation.h"

enum piece_kind {
    PIECE_PROSE,  /* said by the message's speaker, or by the user beside results */
    PIECE_OUTPUT, /* returned by a tool */
    PIECE_CALL,   /* what a tool was asked */
};

struct piece {
    enum piece_kind kind;
    const struct json_value *text; /* a JSON string; Anthropic's calls: an object */
    const struct json_value *name; /* of the tool called, a JSON string; or NULL */
    const struct json_value *id;   /* of the call, a JSON string; or NULL */
    bool is_error;                 /* the client says that the tool failed */
};

/* In the order of the text. */
typedef void (*piece_fn)(void *arg, const struct piece *p);
void piece_each(const struct json_value *message, enum conversation_role role, piece_fn fn,
                void *arg);
