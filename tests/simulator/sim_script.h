/* sim_script.h -- how shall the simulator behave for one request?
 *
 * A script is a comma list of `key=value` and flags, for example "delay=200ms,chunks=20,rst=512".
 * The keys are the rows of the table in sim_script.c; values of text keys may be percent-encoded.
 */
#pragma once

#include "base/clock.h"
#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_SCRIPT_NEVER UINT64_MAX
#define SIM_SCRIPT_TEXT  256

enum sim_script_result { SIM_SCRIPT_OK = 0, SIM_SCRIPT_BAD };

enum sim_script_finish {
    SIM_SCRIPT_FINISH_TRUE, /* the one that goes with the answer */
    SIM_SCRIPT_FINISH_STOP,
    SIM_SCRIPT_FINISH_LENGTH,
    SIM_SCRIPT_FINISH_TOOLS,
    SIM_SCRIPT_FINISH_SEQUENCE,
    SIM_SCRIPT_FINISH_FILTER,
    SIM_SCRIPT_FINISH_REFUSAL,
};

/* Whose habits, among the providers that speak OpenAI's dialect. */
enum sim_script_quirk {
    SIM_SCRIPT_OPENAI,
    SIM_SCRIPT_AZURE,      /* a first chunk without choices, verdicts of filters */
    SIM_SCRIPT_GROQ,       /* usage under x_groq */
    SIM_SCRIPT_OPENROUTER, /* `reasoning`, comments while it works */
};

struct sim_script {
    usec_t delay;    /* before the first byte of the head */
    usec_t first;    /* between the head and the first chunk */
    usec_t interval; /* between chunks */
    uint64_t chunks; /* 0: one a word of the echo */
    uint64_t split;  /* bytes of a stream in one HTTP chunk at most; 0: an event in each */
    uint64_t size;   /* bytes of the answer's text; 0: as the words give it */
    uint64_t stall;  /* fall silent after so many chunks; SIM_SCRIPT_NEVER */
    uint64_t status;
    uint64_t fin, rst; /* close after so many bytes of the answer; SIM_SCRIPT_NEVER */
    bool garbage, html, empty, bad_json, silence;
    bool no_done, no_finish, no_usage, zero_usage, double_usage;
    bool stamp;                   /* each chunk's text is the monotonic microsecond of its making */
    bool stream;                  /* stream whatever the request says */
    uint64_t think;               /* words of thinking before the answer, signed */
    bool redacted;                /* a block of redacted thinking too */
    uint64_t tools;               /* calls of so many of the offered tools */
    uint64_t cached, reasoning;   /* tokens, of the usage */
    unsigned finish;              /* enum sim_script_finish; what the answer says of its end */
    unsigned error;               /* enum sim_error_kind; instead of the answer … */
    uint64_t error_after;         /* … or in the stream after so many chunks; SIM_SCRIPT_NEVER */
    unsigned quirk;               /* enum sim_script_quirk */
    bool comments;                /* an SSE comment before each chunk */
    char header[SIM_SCRIPT_TEXT]; /* one more: "Name: value" */
    char body[SIM_SCRIPT_TEXT], type[SIM_SCRIPT_TEXT];
    char location[SIM_SCRIPT_TEXT], retry_after[SIM_SCRIPT_TEXT];
};

void sim_script_init(struct sim_script *s);

/* Lay `text` over what `s` says already. On SIM_SCRIPT_BAD `*reterr` is the item at fault and `s`
 * must not be used. */
MUST_USE enum sim_script_result sim_script_parse(struct sim_script *s, struct str text,
                                                 struct str *reterr);

/* The keys and what they mean, a line each, for --help. */
void sim_script_print_keys(void);
