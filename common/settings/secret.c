#include "settings/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_SECRET 8192

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static int fail(int error, const char *what, const char *name, char *reterr, size_t reterr_size)
{
    const char *why = error == -ENODATA  ? "it is empty"
                      : error == -EILSEQ ? "it has more than one line, or control characters"
                      : error == -EFBIG  ? "it is too long"
                      : error == -ENXIO  ? "it is not set"
                                         : strerror(-error);

    snprintf(reterr, reterr_size, "%s %s: %s", what, name, why);
    return error;
}

/* Cuts one line end and refuses what could not stand in a header. */
static int take_text(const char *text, size_t len, char **ret)
{
    if (len > 0 && text[len - 1] == '\n')
        len--;
    if (len > 0 && text[len - 1] == '\r')
        len--;
    if (len == 0)
        return -ENODATA;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return -EILSEQ;
    *ret = strndup(text, len);
    return *ret ? 0 : -ENOMEM;
}

static int read_file(const char *path, char **ret)
{
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return -errno;

    char text[MAX_SECRET + 1];
    size_t len = 0;
    ssize_t n;
    do {
        n = read(fd, text + len, sizeof(text) - len);
        len += n > 0 ? (size_t)n : 0;
    } while ((n > 0 && len < sizeof(text)) || (n < 0 && errno == EINTR));

    int e = n < 0 ? -errno : len > MAX_SECRET ? -EFBIG : take_text(text, len, ret);
    explicit_bzero(text, sizeof(text));
    return e;
}

static int read_variable(const char *name, char **ret)
{
    const char *text = getenv(name);

    return text ? take_text(text, strlen(text), ret) : -ENXIO;
}

static int read_credential(const char *name, char **ret)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    char path[4096];

    if (!folder)
        return -ENOENT;
    if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, name) >= sizeof(path))
        return -ENAMETOOLONG;
    return read_file(path, ret);
}

int secret_read(const struct settings_secret *s, char **ret, char *reterr, size_t reterr_size)
{
    const char *what = s->env ? "environment variable" : s->file ? "file" : "credential";
    const char *name = s->env ? s->env : s->file ? s->file : s->credential;
    int e;

    if (!name) {
        *ret = NULL;
        return 0;
    }
    if (s->env)
        e = read_variable(name, ret);
    else if (s->file)
        e = read_file(name, ret);
    else
        e = read_credential(name, ret);
    return e < 0 ? fail(e, what, name, reterr, reterr_size) : 0;
}

void secret_free(char **secret)
{
    if (!*secret)
        return;
    explicit_bzero(*secret, strlen(*secret));
    free(*secret);
    *secret = NULL;
}
