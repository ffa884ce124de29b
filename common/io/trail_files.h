/* trail_files.h -- which files make up a trail, and what stands in them? One a day,
 * "2026-11-21.ndjson", packed with gzip after some days.
 */
#pragma once

#include "base/buf.h"
#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRAIL_FILES_NAME_SIZE 32

struct trail_file {
    char name[TRAIL_FILES_NAME_SIZE];
    bool is_packed;
};

enum trail_files_line {
    TRAIL_FILES_LINE = 0,
    TRAIL_FILES_END,
    TRAIL_FILES_TORN,       /* the file ends within it */
    TRAIL_FILES_TOO_LONG,   /* no record is so long */
    TRAIL_FILES_UNREADABLE, /* what is packed cannot be unpacked, or the disk fails */
};

struct trail_files_reader;

/* Oldest first; *ret is the caller's to free(). Of a day that is there twice, since a crash cut its
 * packing short, the plain file counts. -errno. */
MUST_USE int trail_files_list(const char *folder, struct trail_file **ret, size_t *ret_n);
/* "2026-11-21" of a file's name. */
struct str trail_files_day(const char *name);

MUST_USE int trail_files_open(const char *folder, const char *name,
                              struct trail_files_reader **ret); /* -errno */
void trail_files_close(struct trail_files_reader **r);
/* The line without its newline, borrowed until the next call. */
MUST_USE enum trail_files_line trail_files_next(struct trail_files_reader *r, struct str *ret);

/* The last whole line of the newest file that has one; empty when no file has. *ret_size is the
 * newest file's size up to its last newline. -errno. */
MUST_USE int trail_files_last(const char *folder, struct buf *ret_line, uint64_t *ret_size);
/* The end of the trail as a JSON array: at most `n` lines, newest last, of the last MiB of the two
 * newest files. -errno; BUF_FULL is -ENOSPC. */
MUST_USE int trail_files_tail(const char *folder, unsigned n, struct buf *out);
