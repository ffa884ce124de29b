/* boot.h -- what do the main() functions of all three daemons have in common?
 *
 * Options, configuration, log, then start, run, stop. The daemon's root object is main()'s.
 */
#pragma once

#include "base/macro.h"
#include "settings/settings.h"

#include <stddef.h>

struct boot_daemon {
    const char *name;
    /* Everything up to READY; takes over *settings in any case. Not 0: `reterr` is the one line
     * why. */
    int (*start)(void *root, const char *config_path, struct settings **settings, char *reterr,
                 size_t reterr_size);
    /* What else the start would refuse about the files that `s` names; NULL: nothing. */
    int (*check)(const struct settings *s, char *reterr, size_t reterr_size);
    void (*run)(void *root);  /* until it was told to stop */
    void (*stop)(void *root); /* also after a failed start */
};

/* The log as `s` has it, from now on, and in it what is wrong with the modes of secret files.
 * `name` must outlive the process. */
void boot_log(const char *name, const struct settings *s);

/* The exit status: 0, 1 cannot start, 2 usage. */
MUST_USE int boot_main(int argc, char **argv, const struct boot_daemon *d, void *root);
