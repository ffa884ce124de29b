#include "io/log.h"

#include "io/log_files.h"
#include "io/log_line.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define JOURNAL      "/run/systemd/journal/socket"
#define PATIENCE_MS  50
#define STDERR_LEVEL LOG_LEVEL_INFO /* before log_init() */

static struct {
    _Atomic(const char *) ident;
    atomic_int level;
    atomic_bool is_journal; /* else JSON lines on stderr */
    atomic_int journal;     /* descriptor, or -1; stays open when the format changes */
    atomic_uint_fast64_t counts[LOG_LEVEL_DEBUG + 1];
    atomic_uint_fast64_t dropped, not_yet_told;
    pthread_mutex_t stderr_lock;
    bool is_stalled; /* by stderr_lock */
} the_log = {.level = STDERR_LEVEL, .journal = -1, .stderr_lock = PTHREAD_MUTEX_INITIALIZER};

/* What this thread's loop has logged in this turn. */
static _Thread_local struct {
    bool is_holding;
    char text[LOG_LINE_MAX];
    size_t len;
    unsigned counts[LOG_LEVEL_DEBUG + 1];
} held;

enum delivery { DELIVERED, HELD, LOST };

/* systemd says which socket it connected stdout and stderr to; a redirection makes it untrue. */
static bool is_stderr_the_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat st;

    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
           fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void log_init(const char *ident, enum log_level level, enum log_format format)
{
    bool wants_journal =
        format == LOG_FORMAT_JOURNAL || (format == LOG_FORMAT_AUTO && is_stderr_the_journal());

    the_log.ident = ident;
    the_log.level = (int)level;
    if (wants_journal && the_log.journal < 0)
        the_log.journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    the_log.is_journal = wants_journal && the_log.journal >= 0;
}

void log_close(void)
{
    int fd = atomic_exchange(&the_log.journal, -1);

    the_log.is_journal = false;
    if (fd >= 0)
        close(fd);
}

bool log_is_on(enum log_level level)
{
    return (int)level <= the_log.level;
}

uint64_t log_count(enum log_level level)
{
    return the_log.counts[level];
}

uint64_t log_dropped(void)
{
    return the_log.dropped;
}

/* 0, or -errno; -EAGAIN: the journal does not keep up. libsystemd's sender would wait for it. */
static int send_to_journal(int fd, const struct log_line *l)
{
    static const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = JOURNAL};
    char text[LOG_LINE_MAX];
    size_t len = log_line_journal(l, text);

    return sendto(fd, text, len, MSG_NOSIGNAL, (const struct sockaddr *)&address, sizeof(address)) <
                   0
               ? -errno
               : 0;
}

/* A pipe that can be written to takes LOG_LINE_MAX bytes without waiting. */
static bool is_stderr_ready(void)
{
    struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
    int n = poll(&p, 1, the_log.is_stalled ? 0 : PATIENCE_MS);

    the_log.is_stalled = n == 0;
    return n != 0;
}

static bool write_to_stderr(const char *text, size_t len)
{
    pthread_mutex_lock(&the_log.stderr_lock);
    bool is_ok = is_stderr_ready() && write(STDERR_FILENO, text, len) == (ssize_t)len;
    pthread_mutex_unlock(&the_log.stderr_lock);
    return is_ok;
}

static void count(enum log_level level, unsigned n, bool is_delivered)
{
    if (is_delivered) {
        the_log.counts[level] += n;
    } else {
        the_log.dropped += n;
        the_log.not_yet_told += n;
    }
}

static void write_held(void)
{
    if (held.len == 0)
        return;
    bool is_ok = write_to_stderr(held.text, held.len);
    held.len = 0;
    for (int i = 0; i <= LOG_LEVEL_DEBUG; i++)
        count((enum log_level)i, held.counts[i], is_ok);
    memset(held.counts, 0, sizeof(held.counts));
}

void log_hold(void)
{
    held.is_holding = true;
}

void log_release(void)
{
    held.is_holding = false;
    write_held();
}

static enum delivery write_line(const struct log_line *l)
{
    char text[LOG_LINE_MAX];
    size_t len = log_line_json(l, text);

    if (!held.is_holding || l->level <= LOG_LEVEL_WARNING) {
        write_held();
        return write_to_stderr(text, len) ? DELIVERED : LOST;
    }
    if (len > sizeof(held.text) - held.len)
        write_held();
    memcpy(held.text + held.len, text, len);
    held.len += len;
    held.counts[l->level]++;
    return HELD;
}

static enum delivery deliver(const struct log_line *l)
{
    if (the_log.is_journal) {
        int e = send_to_journal(the_log.journal, l);
        if (e == 0 || e == -EAGAIN)
            return e == 0 ? DELIVERED : LOST;
    }
    return write_line(l);
}

static void write_to_files(const struct log_line *l)
{
    char text[LOG_LINE_MAX];

    if (log_files_is_on())
        log_files_add(text, log_line_json(l, text), l->level == LOG_LEVEL_ERROR);
}

static void tell_of_dropped(const char *ident, usec_t wall)
{
    uint64_t n = atomic_exchange(&the_log.not_yet_told, 0);
    char message[128];

    if (n == 0)
        return;
    snprintf(message, sizeof(message),
             "%llu log entries were lost because their reader did not keep up",
             (unsigned long long)n);
    const struct log_line l = {
        .ident = ident, .level = LOG_LEVEL_WARNING, .wall = wall, .message = message};
    write_to_files(&l);
    if (deliver(&l) == DELIVERED)
        the_log.counts[LOG_LEVEL_WARNING]++;
    else
        the_log.not_yet_told += n;
}

void log_write(enum log_level level, const struct log_field *fields, const char *format, ...)
{
    char message[LOG_LINE_MAX];
    va_list args;

    if (!log_is_on(level))
        return;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);

    const char *ident = the_log.ident;
    const struct log_line l = {.ident = ident ? ident : program_invocation_short_name,
                               .level = level,
                               .wall = clock_wall(),
                               .fields = fields,
                               .message = message};
    write_to_files(&l);
    enum delivery d = deliver(&l);
    if (d != HELD)
        count(level, 1, d == DELIVERED);
    if (d == DELIVERED)
        tell_of_dropped(l.ident, l.wall);
}
