#include "io/trail_verify.h"

#include "base/arena.h"
#include "base/json.h"
#include "io/trail_head.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TRIES 5 /* a file may be packed or pruned while the others are read */

struct walk {
    const struct trail_verify_config *config;
    struct trail_verify_report *report;
    struct chain at, head;
    bool has_head;
    struct chain before;       /* what the first record follows; seq 0 once that is accounted for */
    uint64_t gap_from, gap_to; /* records that were not where they belong; 0: none */
    bool is_broken;
};

static void PRINTF_LIKE(4, 5)
    tell(struct walk *w, const char *file, uint64_t line, const char *format, ...)
{
    if (w->is_broken)
        return;
    w->is_broken = true;
    str_copy(w->report->file, sizeof(w->report->file), str_from(file));
    w->report->line = line;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(w->report->what, sizeof(w->report->what), format, arguments);
    va_end(arguments);
}

/* {"last_seq": 7, "last_hash": "…"} of a record that says what was deleted before it. */
static bool is_account_of(struct str data, const struct chain *before)
{
    CLEANUP(arena_done) struct arena a;
    const struct json_value *root = NULL;
    size_t offset;
    int64_t seq;
    struct str hash;
    char hex[2 * DIGEST_SIZE + 1];
    arena_init(&a, 65536);
    digest_hex(before->hash, DIGEST_SIZE, hex);
    return json_parse(&a, data, &root, &offset) == JSON_OK &&
           json_int(json_get(root, "last_seq"), &seq) && (uint64_t)seq == before->seq &&
           json_string(json_get(root, "last_hash"), &a, &hash) && str_is(hash, hex);
}

static void check_record(struct walk *w, const char *file, uint64_t line,
                         const struct chain_record *r)
{
    uint64_t expected = w->at.seq + 1;
    switch (chain_check(&w->at, w->config->key, r)) {
    case CHAIN_OK:
        break;
    case CHAIN_ALTERED:
        tell(w, file, line, "record %" PRIu64 " was edited, or not written by this service",
             r->seq);
        return;
    case CHAIN_MISSING:
        tell(w, file, line, "records %" PRIu64 " to %" PRIu64 " before it are missing", expected,
             r->seq - 1);
        w->gap_from = expected;
        w->gap_to = r->seq - 1;
        return;
    case CHAIN_OUT_OF_ORDER:
        tell(w, file, line, "record %" PRIu64 " is out of order or repeated, after record %" PRIu64,
             r->seq, expected - 1);
        return;
    case CHAIN_FOREIGN:
        tell(w, file, line, "record %" PRIu64 " does not follow the one before it", r->seq);
        return;
    }
    w->report->n_records++;
    if (w->before.seq > 0 && str_is(r->event, "audit.pruned") && is_account_of(r->data, &w->before))
        w->before.seq = 0;
}

/* The trail is broken already: is what was missed merely somewhere else? */
static void look_for_gap(struct walk *w, const struct chain_record *r)
{
    struct chain before = {.seq = r->seq - 1};
    memcpy(before.hash, r->prev, DIGEST_SIZE);
    if (r->seq < w->gap_from || r->seq > w->gap_to ||
        chain_check(&before, w->config->key, r) != CHAIN_OK)
        return;
    snprintf(w->report->what, sizeof(w->report->what),
             "reordered: record %" PRIu64 " belongs before it and stands after it", r->seq);
    w->gap_from = 0;
}

static void begin(struct walk *w, const struct chain_record *first)
{
    w->report->first_seq = first->seq;
    w->at.seq = first->seq - 1;
    memcpy(w->at.hash, first->prev, DIGEST_SIZE);
    w->before = w->at;
    static const struct chain nothing;
    if (w->at.seq == 0 && !digest_equal(w->at.hash, nothing.hash))
        w->before.seq = UINT64_MAX; /* nothing can account for that */
}

static void check_line(struct walk *w, const char *file, uint64_t line, struct str text)
{
    struct chain_record r;
    if (!chain_read(text, &r)) {
        tell(w, file, line, "is not a record as this service writes it: edited or inserted");
        return;
    }
    if (w->is_broken) {
        if (w->gap_from > 0)
            look_for_gap(w, &r);
        return;
    }
    if (w->report->first_seq == 0)
        begin(w, &r);
    check_record(w, file, line, &r);
}

static int walk_file(struct walk *w, const char *file, bool is_last)
{
    CLEANUP(trail_files_close) struct trail_files_reader *reader = NULL;
    int r = trail_files_open(w->config->folder, file, &reader);
    struct str text;
    if (r < 0)
        return r;
    for (uint64_t line = 1;; line++) {
        if (w->config->is_stopping && atomic_load(w->config->is_stopping))
            return TRAIL_VERIFY_STOPPED;
        if (w->is_broken && w->gap_from == 0)
            return TRAIL_VERIFY_OK; /* nothing more to find out */
        switch (trail_files_next(reader, &text)) {
        case TRAIL_FILES_LINE:
            check_line(w, file, line, text);
            break;
        case TRAIL_FILES_END:
            return TRAIL_VERIFY_OK;
        case TRAIL_FILES_TORN:
            if (is_last)
                w->report->is_torn = true;
            else
                tell(w, file, line, "is cut short");
            return TRAIL_VERIFY_OK;
        case TRAIL_FILES_TOO_LONG:
            tell(w, file, line, "is longer than any record: edited or inserted");
            return TRAIL_VERIFY_OK;
        case TRAIL_FILES_UNREADABLE:
            tell(w, file, line, "cannot be read: the file is damaged");
            return TRAIL_VERIFY_OK;
        }
    }
}

static void check_ends(struct walk *w, const char *first_file, const char *last_file)
{
    if (w->is_broken)
        return;
    if (w->before.seq > 0)
        tell(w, first_file, 1, "the records before it are missing, and none says they were pruned");
    else if (!w->has_head && w->at.seq > 0)
        tell(w, last_file, 0, "the head that says where the trail ends is missing or not ours");
    else if (w->head.seq > w->at.seq)
        tell(w, last_file, 0,
             "truncated: records %" PRIu64 " to %" PRIu64 " at the end are missing", w->at.seq + 1,
             w->head.seq);
}

static int walk_all(struct walk *w, const struct trail_file *files, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int r = walk_file(w, files[i].name, i + 1 == n);
        if (r)
            return r;
        if (w->head.seq == w->at.seq && !w->is_broken && w->has_head && w->at.seq > 0 &&
            !digest_equal(w->head.hash, w->at.hash))
            tell(w, files[i].name, 0, "its last record is not the one that was written last");
    }
    check_ends(w, n > 0 ? files[0].name : "", n > 0 ? files[n - 1].name : "");
    return TRAIL_VERIFY_OK;
}

static int verify_once(const struct trail_verify_config *c, struct trail_verify_report *ret)
{
    struct walk w = {.config = c, .report = ret};
    struct trail_file *files = NULL;
    *ret = (struct trail_verify_report){0};
    /* first the head: what is written meanwhile must not look as if it were cut off */
    w.has_head = trail_head_read(c->head_path, c->key, &w.head);
    int r = trail_files_list(c->folder, &files, &ret->n_files);
    if (r == 0)
        r = walk_all(&w, files, ret->n_files);
    free(files);
    ret->last_seq = w.at.seq;
    return r == 0 && w.is_broken ? TRAIL_VERIFY_BROKEN : r;
}

int trail_verify_all(const struct trail_verify_config *c, struct trail_verify_report *ret)
{
    int r = -ENOENT;
    for (unsigned i = 0; i < MAX_TRIES && r == -ENOENT; i++)
        r = verify_once(c, ret);
    return r;
}
