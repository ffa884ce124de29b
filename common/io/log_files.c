#include "io/log_files.h"

#include "base/macro.h"
#include "base/str.h"
#include "io/log.h"
#include "io/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_PENDING ((size_t)256 << 10) /* of one file */

struct log_file {
    char *path;
    int fd;
    char *pending, *writing; /* MAX_PENDING each, which change places */
    size_t n_pending;
    bool is_failing;
};

enum { COMBINED, ERRORS, FILES };
static const char *const names[FILES] = {"combined.log", "error.log"};

static struct {
    atomic_bool is_on;
    atomic_uint_fast64_t dropped;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct log_file file[FILES]; /* what is pending, by lock; else the thread's */
    bool is_stopping;            /* by lock */
    uint64_t told;               /* of what was dropped */
    pthread_t thread;
} the_files = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

bool log_files_is_on(void)
{
    return the_files.is_on;
}

uint64_t log_files_dropped(void)
{
    return the_files.dropped;
}

static void add(struct log_file *f, const char *text, size_t len)
{
    if (len > MAX_PENDING - f->n_pending) {
        the_files.dropped++;
        return;
    }
    memcpy(f->pending + f->n_pending, text, len);
    f->n_pending += len;
}

void log_files_add(const char *text, size_t len, bool is_error)
{
    pthread_mutex_lock(&the_files.lock);
    if (the_files.is_on) {
        add(&the_files.file[COMBINED], text, len);
        if (is_error)
            add(&the_files.file[ERRORS], text, len);
        pthread_cond_signal(&the_files.wake);
    }
    pthread_mutex_unlock(&the_files.lock);
}

/* ---- the thread ---- */

static void close_file(struct log_file *f)
{
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
}

static bool is_still_there(const struct log_file *f)
{
    struct stat named, open;

    return f->fd >= 0 && stat(f->path, &named) == 0 && fstat(f->fd, &open) == 0 &&
           named.st_dev == open.st_dev && named.st_ino == open.st_ino;
}

static int write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0) {
            text += n;
            len -= (size_t)n;
        }
    }
    return 0;
}

static int write_file(struct log_file *f, size_t len)
{
    if (!is_still_there(f)) {
        close_file(f);
        f->fd = open(f->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
        if (f->fd < 0)
            return -errno;
    }
    return write_all(f->fd, f->writing, len);
}

static void count_lost(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        the_files.dropped += text[i] == '\n';
}

static void write_out(struct log_file *f, size_t len)
{
    int r = len > 0 ? write_file(f, len) : 0;

    if (r < 0) {
        count_lost(f->writing, len);
        close_file(f);
        if (!f->is_failing)
            log_warning("%s cannot be written: %s, going on without it", f->path, strerror(-r));
    }
    if (len > 0)
        f->is_failing = r < 0;
}

/* Once it is over: whoever cannot be written to is told of by write_out(). */
static void tell_of_dropped(void)
{
    uint64_t dropped = the_files.dropped;

    if (dropped == the_files.told || the_files.file[COMBINED].is_failing ||
        the_files.file[ERRORS].is_failing)
        return;
    log_warning("%llu lines did not come into the files of the log",
                (unsigned long long)(dropped - the_files.told));
    the_files.told = dropped;
}

static bool has_pending(void)
{
    return the_files.file[COMBINED].n_pending > 0 || the_files.file[ERRORS].n_pending > 0;
}

static void *write_until_stopped(void *arg)
{
    size_t len[FILES];

    (void)arg;
    pthread_mutex_lock(&the_files.lock);
    while (has_pending() || !the_files.is_stopping) {
        if (!has_pending()) {
            pthread_cond_wait(&the_files.wake, &the_files.lock);
            continue;
        }
        for (int i = 0; i < FILES; i++) {
            struct log_file *f = &the_files.file[i];
            char *full = f->pending;
            f->pending = f->writing;
            f->writing = full;
            len[i] = f->n_pending;
            f->n_pending = 0;
        }
        pthread_mutex_unlock(&the_files.lock);
        for (int i = 0; i < FILES; i++)
            write_out(&the_files.file[i], len[i]);
        tell_of_dropped();
        pthread_mutex_lock(&the_files.lock);
    }
    pthread_mutex_unlock(&the_files.lock);
    return NULL;
}

/* ---- on and off ---- */

static void open_files(const char *folder)
{
    for (int i = 0; i < FILES; i++) {
        struct log_file *f = &the_files.file[i];
        *f = (struct log_file){.fd = -1, .pending = malloc(MAX_PENDING)};
        f->writing = malloc(MAX_PENDING);
        if (!f->pending || !f->writing || asprintf(&f->path, "%s/%s", folder, names[i]) < 0)
            abort();
    }
}

static void close_files(void)
{
    for (int i = 0; i < FILES; i++) {
        close_file(&the_files.file[i]);
        free(the_files.file[i].path);
        free(the_files.file[i].pending);
        free(the_files.file[i].writing);
    }
}

static void start(const char *folder)
{
    open_files(folder);
    the_files.is_stopping = false;
    the_files.is_on = true;
    if (thread_start(&the_files.thread, "log-files", 0, write_until_stopped, NULL) < 0)
        abort();
}

static void stop(void)
{
    pthread_mutex_lock(&the_files.lock);
    the_files.is_on = false;
    the_files.is_stopping = true;
    pthread_cond_signal(&the_files.wake);
    pthread_mutex_unlock(&the_files.lock);
    pthread_join(the_files.thread, NULL);
    close_files();
}

static bool is_in(const char *folder)
{
    struct str path = str_from(the_files.file[COMBINED].path);

    return folder && str_has_prefix(path, folder) &&
           path.len == strlen(folder) + 1 + strlen(names[COMBINED]);
}

void log_files_configure(const char *folder)
{
    if (the_files.is_on && !is_in(folder))
        stop();
    if (folder && !the_files.is_on)
        start(folder);
}
