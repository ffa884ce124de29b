/* pull_file.h -- how does a download become a file, whole and as promised, or not at all?
 *
 * Bytes go to NAME.part in the folder, which only a verified hash renames to NAME; the file that
 * was there before stays until then. Space is asked for before it is used. Blocks: for a thread
 * that may wait.
 */
#pragma once

#include "base/digest.h"
#include "base/macro.h"
#include "base/str.h"
#include "pull_request.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum pull_file_result {
    PULL_FILE_OK = 0,
    PULL_FILE_NO_ROOM,  /* it would take the reserve */
    PULL_FILE_BAD_HASH, /* the part is gone */
};

struct pull_file {
    int folder_fd, fd; /* -1: none */
    char name[PULL_MAX_NAME], part[PULL_MAX_NAME + 8];
    uint64_t bytes, reserve;
    uint64_t asked_for; /* room is known to be there up to so many bytes */
    struct digest_stream *digest;
    const _Atomic bool *is_cancelled; /* by another thread: reading what is there may take long */
};

void pull_file_init(struct pull_file *f, uint64_t reserve, const _Atomic bool *is_cancelled);
/* Makes the folder. -errno. */
MUST_USE int pull_file_open(struct pull_file *f, const char *folder, const char *name);
void pull_file_close(struct pull_file *f); /* the part stays; closing again is fine */

/* Take over what an earlier try left, which is read and hashed; f->bytes says how much. -errno;
 * -ECANCELED. */
MUST_USE int pull_file_resume(struct pull_file *f);
MUST_USE int pull_file_restart(struct pull_file *f); /* from nothing; -errno */

/* Whether `total` bytes fit beside the reserve. -errno. */
MUST_USE int pull_file_make_room(struct pull_file *f, uint64_t total);
MUST_USE int pull_file_add(struct pull_file *f, struct str bytes);

/* All is there: compare with `sha256` (empty: nothing to compare with) and put it in its place.
 * *ret is what it is. -errno. */
MUST_USE int pull_file_finish(struct pull_file *f, const char *sha256, char ret[PULL_HASH_SIZE]);
void pull_file_discard(struct pull_file *f);

/* Parts in the folder that `is_wanted` does not want are removed. */
void pull_file_clean(const char *folder, bool (*is_wanted)(void *arg, struct str name), void *arg);
