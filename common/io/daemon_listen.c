#include "io/daemon.h"

#include "io/address.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define BACKLOG 4096

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static int take_fd(int *fd)
{
    int taken = *fd;

    *fd = -1;
    return taken;
}

static bool is_bound_to(int fd, const struct address *wanted)
{
    struct address a = {.len = sizeof(a.bytes)};

    return sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) > 0 &&
           getsockname(fd, (struct sockaddr *)&a.bytes, &a.len) == 0 &&
           address_is_equal(&a, wanted);
}

/* A descriptor of our own for the socket systemd bound to `a`; -ENOENT if it did not. */
static int inherit(const struct address *a)
{
    int n = sd_listen_fds(0);

    for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + n; fd++) {
        if (!is_bound_to(fd, a))
            continue;
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, SD_LISTEN_FDS_START + n);
        if (copy < 0)
            return -errno;
        int flags = fcntl(copy, F_GETFL);
        if (flags >= 0)
            fcntl(copy, F_SETFL, flags | O_NONBLOCK);
        return copy;
    }
    return -ENOENT;
}

/* The file of a process that died without removing it. */
static bool is_abandoned(const struct address *a)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;

    bool is_refused =
        connect(fd, (const struct sockaddr *)&a->bytes, a->len) < 0 && errno == ECONNREFUSED;
    close(fd);
    return is_refused;
}

static int bind_unix(int fd, const struct address *a)
{
    const char *path = ((const struct sockaddr_un *)&a->bytes)->sun_path;
    const struct sockaddr *sa = (const struct sockaddr *)&a->bytes;

    fchmod(fd, 0660); /* never wider, not even until chmod() below, which undoes the umask */
    int r = bind(fd, sa, a->len);
    if (r < 0 && errno == EADDRINUSE && is_abandoned(a) && unlink(path) == 0)
        r = bind(fd, sa, a->len);
    if (r < 0)
        return -errno;
    return chmod(path, 0660) < 0 ? -errno : 0;
}

static int bind_ip(int fd, const struct address *a, bool shared)
{
    int on = 1;

    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
        return -errno;
    if (shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0)
        return -errno;
    return bind(fd, (const struct sockaddr *)&a->bytes, a->len) < 0 ? -errno : 0;
}

static int fail(int error, const char *text, const char **reterr_text)
{
    *reterr_text = text;
    return error;
}

int daemon_listen(const char *address, bool shared, int *ret_fd, const char **reterr_text)
{
    struct address a;

    if (!address_parse(str_from(address), &a))
        return fail(-EINVAL, "is not an address", reterr_text);

    CLEANUP(close_fd) int fd = inherit(&a);
    if (fd >= 0) {
        *ret_fd = take_fd(&fd);
        return 0;
    }
    fd = socket(a.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fail(-errno, "cannot have a socket", reterr_text);
    int e = a.bytes.ss_family == AF_UNIX ? bind_unix(fd, &a) : bind_ip(fd, &a, shared);
    if (e < 0)
        return fail(e, "cannot be bound", reterr_text);
    if (listen(fd, BACKLOG) < 0)
        return fail(-errno, "cannot be listened on", reterr_text);
    *ret_fd = take_fd(&fd);
    return 0;
}
