/* daemon.h -- how does a process behave as a service? Options, signals, systemd, listening sockets.
 */
#pragma once

#include "base/macro.h"
#include "base/str.h"
#include "io/loop.h"

#include <stdbool.h>

struct daemon_options {
    const char *config_path; /* default /etc/llm-proxy/llm-proxy.yaml */
    bool check_config, print_config;
};

/* Handles --config, --check-config, --print-config, --version, --help. Returns true to go on;
 * false with *ret_status to exit with (0, or 2 after a usage message). */
MUST_USE bool daemon_parse_options(int argc, char **argv, const char *name,
                                   struct daemon_options *ret, int *ret_status);

/* Refuse core dumps and ptrace, ignore SIGPIPE, raise RLIMIT_NOFILE to its hard limit. */
void daemon_harden(void);

/* `wanted` connections, or fewer when the limit on descriptors would not leave `reserved` of them:
 * libzmq aborts the process when it finds none for a peer on the bus. */
unsigned daemon_max_connections(unsigned wanted, unsigned reserved);

/* sd_notify. `status` is a line for people. */
void daemon_notify_ready(const char *status);
void daemon_notify_reloading(void);
void daemon_notify_stopping(void);

/* Ping the watchdog from this loop at half of WATCHDOG_USEC, if systemd asked for it. */
struct daemon_watchdog;
struct daemon_watchdog *daemon_watchdog_new(struct loop *l); /* NULL: it did not */
void daemon_watchdog_free(struct daemon_watchdog **w);

/* A listening socket for `address` ("127.0.0.1:8080", "[::]:443", "unix:/run/…/admin.sock").
 * Taken from systemd when it passed one bound to that address, else bound here: SO_REUSEADDR,
 * backlog 4096, SO_REUSEPORT when `shared` (several threads listen on one address; an inherited
 * socket is dup()ed). Port 0 lets the kernel choose; daemon_local_address() tells.
 * Unix sockets are made 0660 and cannot be shared this way: dup() the one. A socket file nobody
 * listens on any more is replaced. -errno; *reterr_text says what could not be done, for people. */
MUST_USE int daemon_listen(const char *address, bool shared, int *ret_fd, const char **reterr_text);
MUST_USE int daemon_local_address(int fd, char *ret_text, size_t size);
