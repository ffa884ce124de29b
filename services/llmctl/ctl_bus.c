#include "base/json_write.h"
#include "ctl_command.h"
#include "io/bus_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A key that is in use is not overwritten. */
static int write_secret(const char *path, const char *secret)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    int r = 0;

    if (fd < 0)
        return -errno;
    if (dprintf(fd, "%s\n", secret) != BUS_KEYS_TEXT || fsync(fd) != 0)
        r = errno ? -errno : -EIO;
    if (close(fd) != 0 && r == 0)
        r = -errno;
    if (r < 0)
        unlink(path);
    return r;
}

static void print_json(const char *public, const char *path)
{
    struct json_write w;
    struct buf out;

    buf_init(&out, 4 * PATH_MAX);
    json_write_init(&w, &out);
    json_write_begin(&w, '{');
    json_write_member(&w, "public", public);
    json_write_member(&w, "secret_file", path);
    json_write_end(&w, '}');
    if (json_write_finish(&w) == BUF_OK)
        printf("%.*s\n", STR_ARG(buf_str(&out)));
    buf_done(&out);
}

static int keygen(struct ctl_context *c, int argc, char **argv)
{
    char public[BUS_KEYS_TEXT], secret[BUS_KEYS_TEXT], path[PATH_MAX];

    if (argc != 1 || argv[0][0] == '-' || argv[0][0] == '\0')
        return CTL_USAGE;
    int r = bus_keys_make(public, secret);
    if (r == 0)
        r = write_secret(argv[0], secret);
    explicit_bzero(secret, sizeof(secret));
    if (r < 0 || !realpath(argv[0], path)) {
        fprintf(stderr, "llmctl: %s: %s\n", argv[0], strerror(r < 0 ? -r : errno));
        return CTL_ERROR;
    }
    if (c->is_json)
        print_json(public, path);
    else
        printf("bus: {curve: {public: \"%s\", secret_file: \"%s\"}}\n", public, path);
    return CTL_OK;
}

const struct ctl_command ctl_bus_keygen_command = {
    "bus keygen", "SECRET_FILE",
    "make a key pair for the bus between machines; the file must be new", keygen};
