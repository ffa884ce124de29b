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

struct sim_script {
    usec_t delay;    /* before the first byte of the head */
    usec_t first;    /* between the head and the first chunk */
    usec_t interval; /* between chunks */
    uint64_t chunks; /* 0: one a word of the echo */
    uint64_t size;   /* bytes of the answer's text; 0: as the words give it */
    uint64_t stall;  /* fall silent after so many chunks; SIM_SCRIPT_NEVER */
    uint64_t status;
    uint64_t fin, rst; /* close after so many bytes of the answer; SIM_SCRIPT_NEVER */
    bool garbage, html, empty, bad_json, silence;
    bool no_done, no_finish, no_usage, zero_usage, double_usage;
    bool stamp;  /* each chunk's text is the monotonic microsecond of its making */
    bool stream; /* stream whatever the request says */
    char body[SIM_SCRIPT_TEXT], type[SIM_SCRIPT_TEXT];
    char location[SIM_SCRIPT_TEXT], retry_after[SIM_SCRIPT_TEXT];
};

void sim_script_init(struct sim_script *s);

/* Lay `text` over what `s` says already. On SIM_SCRIPT_BAD `*reterr` is the item at fault and `s`
 * must not be used. */
MUST_USE enum sim_script_result sim_script_parse(struct sim_script *s, struct str text,
                                                 struct str *reterr);

/* The keys, for --help: "delay=DURATION first=DURATION …". */
void sim_script_print_keys(void);
