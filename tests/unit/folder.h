/* folder.h -- a folder of a test's own under /tmp, with what it puts there. */
#pragma once

#include "check.h"

#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static inline bool folder_make(char *ret, size_t size)
{
    snprintf(ret, size, "/tmp/llm-test-XXXXXX");
    return mkdtemp(ret) != NULL;
}

static inline int folder_remove_one(const char *path, const struct stat *st, int type,
                                    struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

/* With all that is in it; 0 when it could be removed. */
static inline int folder_remove(const char *folder)
{
    return nftw(folder, folder_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A file, with the folders that lead to it. */
static inline void folder_put(const char *folder, const char *name, const char *text)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    for (char *p = path + 1; (p = strchr(p, '/')); p++) {
        *p = '\0';
        mkdir(path, 0700);
        *p = '/';
    }
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}
