/* ctl_client.h -- how does a command ask the running proxy, and what did it answer?
 *
 * HTTP over admin.sock, or over --url with a token. One question at a time, blocking, at most 30
 * seconds.
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct ctl_client;

struct ctl_answer {
    int status;
    struct str body;
    const struct json_value *json; /* NULL when the body is not JSON */
};

/* Either a socket's path, or a URL and a file with the admin token. -errno with `reterr` filled. */
MUST_USE int ctl_client_new(const char *socket_path, const char *url, const char *token_file,
                            struct ctl_client **ret, char *reterr, size_t reterr_size);
void ctl_client_free(struct ctl_client **c);

/* A daemon by its configured address; `peer` is its name, for messages. False: the reason is on
 * stderr. */
MUST_USE bool ctl_client_connect(const char *listen, const char *peer, struct ctl_client **ret);

struct arena *ctl_client_arena(struct ctl_client *c);

/* True when the proxy answered 2xx; else the reason is on stderr. `body` may be empty. *ret lives
 * as long as the client, or until it forgets. */
MUST_USE bool ctl_client_ask(struct ctl_client *c, const char *method, const char *path,
                             struct str body, struct ctl_answer *ret);

/* GET, where a failure is for the caller to tell: `reterr` is the reason. */
MUST_USE bool ctl_client_try(struct ctl_client *c, const char *path, struct ctl_answer *ret,
                             char *reterr, size_t reterr_size);
/* All answers so far: for who asks for ever. */
void ctl_client_forget(struct ctl_client *c);
