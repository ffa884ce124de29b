/* sim_error.h -- which typed errors does every provider have, each in its own words? */
#pragma once

#include "base/str.h"

#include <stdint.h>

enum sim_error_kind {
    SIM_ERROR_NONE,
    SIM_ERROR_INVALID,
    SIM_ERROR_CONTEXT, /* the conversation is longer than the model's window */
    SIM_ERROR_AUTH,
    SIM_ERROR_QUOTA, /* no money left */
    SIM_ERROR_FORBIDDEN,
    SIM_ERROR_MISSING, /* no such model */
    SIM_ERROR_TOO_LARGE,
    SIM_ERROR_RATE,
    SIM_ERROR_SERVER,
    SIM_ERROR_OVERLOADED,
    SIM_ERROR_TIMEOUT,
    SIM_ERROR_KINDS
};

/* One row of a dialect's table. */
struct sim_error_words {
    int status;
    const char *type, *code, *message;
};

struct sim_error {
    enum sim_error_kind kind;
    struct sim_error_words words;
    struct str message;      /* the row's, or the simulator's own; may need escaping */
    const char *retry_after; /* of the script; "" when it says nothing */
    uint64_t number;         /* of the request */
};

extern const char *const sim_error_names[SIM_ERROR_KINDS]; /* for scripts */

/* The kind that goes with a status: INVALID, SERVER for the rest. */
enum sim_error_kind sim_error_of_status(int status);
