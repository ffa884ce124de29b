/* trail_verify.h -- is the whole trail as it was written, and if not, where is the first wrong
 * line?
 */
#pragma once

#include "base/chain.h"
#include "base/macro.h"
#include "io/trail_files.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum trail_verify_result {
    TRAIL_VERIFY_OK = 0,
    TRAIL_VERIFY_BROKEN,
    TRAIL_VERIFY_STOPPED, /* as was asked for */
};

struct trail_verify_config {
    const char *folder, *head_path;
    const uint8_t *key;              /* CHAIN_KEY_SIZE bytes */
    const _Atomic bool *is_stopping; /* NULL: never */
};

struct trail_verify_report {
    size_t n_files;
    uint64_t n_records, first_seq, last_seq;
    bool is_torn; /* the last line is cut short: a crash, or it is being written */
    /* TRAIL_VERIFY_BROKEN: the first place that is wrong; line 0 is the file as a whole */
    char file[TRAIL_FILES_NAME_SIZE];
    uint64_t line;
    char what[200];
};

/* The trail may be written to meanwhile. enum trail_verify_result or -errno. */
MUST_USE int trail_verify_all(const struct trail_verify_config *c, struct trail_verify_report *ret);
