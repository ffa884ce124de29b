/* ctl_arguments.h -- what did the operator type, apart from the command itself?
 */
#pragma once

#include "base/macro.h"

#include <stdbool.h>
#include <stddef.h>

struct ctl_arguments {
    const char *socket, *url, *token_file, *config;
    bool is_json;
    int argc; /* what is left, global options taken out wherever they stood */
    char **argv;
};

/* False when an option lacks its value. Reorders argv. */
MUST_USE bool ctl_arguments_parse(struct ctl_arguments *a, int argc, char **argv);

/* --socket, else the socket of the configuration, else the packaged place. Fails when --config
 * names a file that cannot be read. */
MUST_USE int ctl_arguments_socket(const struct ctl_arguments *a, char *to, size_t size,
                                  char *reterr, size_t reterr_size);
