#include "io/trail_files.h"

#include "base/chain.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define MAX_TAIL ((size_t)1 << 20)

struct trail_files_reader {
    gzFile file; /* which reads what is not packed as it is */
    char line[CHAIN_MAX_LINE + 1];
};

static bool has_shape(const char *name, const char *shape)
{
    for (; *shape; name++, shape++)
        if (*shape == '0' ? *name < '0' || *name > '9' : *name != *shape)
            return false;
    return *name == '\0';
}

struct str trail_files_day(const char *name)
{
    return (struct str){name, sizeof("0000-00-00") - 1};
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct trail_file *)a)->name, ((const struct trail_file *)b)->name);
}

static void close_folder(DIR **d)
{
    if (*d)
        closedir(*d);
}

static void add_file(struct trail_file **files, size_t *n, const char *name, bool is_packed)
{
    if (*n % 64 == 0) {
        *files = reallocarray(*files, *n + 64, sizeof(**files));
        assert(*files);
    }
    struct trail_file *f = &(*files)[(*n)++];
    f->is_packed = is_packed;
    str_copy(f->name, sizeof(f->name), str_from(name));
}

/* "….ndjson" sorts before "….ndjson.gz": of two the first stays. */
static size_t drop_twins(struct trail_file *files, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (kept == 0 ||
            !str_equal(trail_files_day(files[kept - 1].name), trail_files_day(files[i].name)))
            files[kept++] = files[i];
    return kept;
}

int trail_files_list(const char *folder, struct trail_file **ret, size_t *ret_n)
{
    CLEANUP(close_folder) DIR *d = opendir(folder);
    if (!d)
        return -errno;
    struct trail_file *files = NULL;
    size_t n = 0;
    for (const struct dirent *e; (e = readdir(d));) {
        bool is_packed = has_shape(e->d_name, "0000-00-00.ndjson.gz");
        if (is_packed || has_shape(e->d_name, "0000-00-00.ndjson"))
            add_file(&files, &n, e->d_name, is_packed);
    }
    if (n > 0)
        qsort(files, n, sizeof(*files), by_name);
    *ret_n = drop_twins(files, n);
    *ret = files;
    return 0;
}

int trail_files_open(const char *folder, const char *name, struct trail_files_reader **ret)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    CLEANUP(trail_files_close) struct trail_files_reader *r = calloc(1, sizeof(*r));
    assert(r);
    errno = 0;
    r->file = gzopen(path, "rbe");
    if (!r->file)
        return errno ? -errno : -ENOMEM;
    gzbuffer(r->file, 65536);
    *ret = TAKE(r);
    return 0;
}

void trail_files_close(struct trail_files_reader **r)
{
    if (!*r)
        return;
    if ((*r)->file)
        gzclose((*r)->file);
    free(*r);
    *r = NULL;
}

enum trail_files_line trail_files_next(struct trail_files_reader *r, struct str *ret)
{
    int error;
    if (!gzgets(r->file, r->line, sizeof(r->line))) {
        gzerror(r->file, &error);
        return error == Z_OK || error == Z_STREAM_END ? TRAIL_FILES_END : TRAIL_FILES_UNREADABLE;
    }
    size_t len = strlen(r->line); /* a NUL within ends it early: then it is no record */
    bool is_whole = len > 0 && r->line[len - 1] == '\n';
    *ret = (struct str){r->line, is_whole ? len - 1 : len};
    if (is_whole)
        return TRAIL_FILES_LINE;
    gzerror(r->file, &error);
    if (error != Z_OK && error != Z_STREAM_END)
        return TRAIL_FILES_UNREADABLE;
    return gzeof(r->file) ? TRAIL_FILES_TORN : TRAIL_FILES_TOO_LONG;
}

/* ---- the end ---- */

static void close_stream(FILE **f)
{
    if (*f)
        fclose(*f);
}

/* The last bytes of a plain file; *ret_offset is where they begin. */
static int read_end(const char *folder, const char *name, struct buf *ret, uint64_t *ret_offset)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    CLEANUP(close_stream) FILE *f = fopen(path, "re");
    if (!f || fseeko(f, 0, SEEK_END) < 0)
        return -errno;
    off_t size = ftello(f);
    off_t offset = size > (off_t)MAX_TAIL ? size - (off_t)MAX_TAIL : 0;
    if (size < 0 || fseeko(f, offset, SEEK_SET) < 0)
        return -errno;
    char *room = buf_reserve(ret, MAX_TAIL);
    if (!room)
        return -ENOMEM;
    buf_commit(ret, fread(room, 1, MAX_TAIL, f));
    *ret_offset = (uint64_t)offset;
    return ferror(f) ? -EIO : 0;
}

static int add_text(struct buf *out, struct str text)
{
    return buf_add_str(out, text) == BUF_OK ? 0 : -ENOSPC;
}

static int last_of_plain(const char *folder, const char *name, struct buf *ret_line,
                         uint64_t *ret_size)
{
    CLEANUP(buf_done) struct buf end;
    uint64_t offset = 0;
    buf_init(&end, MAX_TAIL);
    int r = read_end(folder, name, &end, &offset);
    if (r < 0)
        return r;
    const char *newline = end.len ? memrchr(end.data, '\n', end.len) : NULL;
    *ret_size = newline ? offset + (uint64_t)(newline - end.data) + 1 : offset;
    if (!newline)
        return 0;
    size_t len = (size_t)(newline - end.data);
    const char *before = memrchr(end.data, '\n', len);
    const char *begin = before ? before + 1 : end.data;
    return add_text(ret_line, (struct str){begin, (size_t)(newline - begin)});
}

static int last_of_packed(const char *folder, const char *name, struct buf *ret_line)
{
    CLEANUP(trail_files_close) struct trail_files_reader *reader = NULL;
    int r = trail_files_open(folder, name, &reader);
    struct str line;
    while (r == 0 && trail_files_next(reader, &line) == TRAIL_FILES_LINE) {
        buf_clear(ret_line);
        r = add_text(ret_line, line);
    }
    return r;
}

int trail_files_last(const char *folder, struct buf *ret_line, uint64_t *ret_size)
{
    struct trail_file *files = NULL;
    size_t n = 0;
    int r = trail_files_list(folder, &files, &n);
    *ret_size = 0;
    for (size_t i = n; i-- > 0 && r == 0 && ret_line->len == 0;) {
        uint64_t size = 0;
        r = files[i].is_packed ? last_of_packed(folder, files[i].name, ret_line)
                               : last_of_plain(folder, files[i].name, ret_line, &size);
        if (i == n - 1)
            *ret_size = size;
    }
    free(files);
    return r;
}

/* Where the last `n` lines begin; *n is how many are missing then. */
static const char *find_lines(struct str text, unsigned *n)
{
    const char *at = text.data + text.len; /* behind a newline */
    while (*n > 0 && at > text.data) {
        const char *before = memrchr(text.data, '\n', (size_t)(at - text.data) - 1);
        at = before ? before + 1 : text.data;
        --*n;
    }
    return at;
}

static int tail_of(const char *folder, const struct trail_file *file, unsigned *n, struct buf *ret)
{
    uint64_t offset = 0;
    CLEANUP(buf_done) struct buf end;
    buf_init(&end, MAX_TAIL);
    int r = file->is_packed ? 0 : read_end(folder, file->name, &end, &offset);
    const char *newline = end.len ? memrchr(end.data, '\n', end.len) : NULL;
    if (r < 0 || !newline)
        return r;
    struct str text = {end.data, (size_t)(newline - end.data) + 1};
    if (offset > 0) { /* it begins within a line */
        const char *first = memchr(text.data, '\n', text.len);
        text.len -= (size_t)(first + 1 - text.data);
        text.data = first + 1;
    }
    const char *begin = text.len ? find_lines(text, n) : text.data;
    return add_text(ret, (struct str){begin, (size_t)(text.data + text.len - begin)});
}

static int write_array(struct buf *older, struct buf *newer, struct buf *out)
{
    struct str parts[] = {buf_str(older), buf_str(newer)}, line;
    bool is_first = true;
    int r = add_text(out, STR("["));
    for (size_t i = 0; i < 2; i++)
        while (r == 0 && str_cut(&parts[i], '\n', &line)) {
            struct chain_record record;
            if (!chain_read(line, &record)) /* no record: verifying says so, listing does not */
                continue;
            r = is_first ? 0 : add_text(out, STR(","));
            if (r == 0)
                r = add_text(out, line);
            is_first = false;
        }
    return r == 0 ? add_text(out, STR("]")) : r;
}

int trail_files_tail(const char *folder, unsigned n, struct buf *out)
{
    CLEANUP(buf_done) struct buf older, newer;
    struct trail_file *files = NULL;
    size_t n_files = 0;
    buf_init(&older, MAX_TAIL);
    buf_init(&newer, MAX_TAIL);
    int r = trail_files_list(folder, &files, &n_files);
    if (r == 0 && n_files > 0)
        r = tail_of(folder, &files[n_files - 1], &n, &newer);
    if (r == 0 && n_files > 1 && n > 0)
        r = tail_of(folder, &files[n_files - 2], &n, &older);
    free(files);
    return r < 0 ? r : write_array(&older, &newer, out);
}
