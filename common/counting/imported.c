#include "imported.h"

#include "io/map_file.h"

#include <dirent.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENDING   ".models"
#define MAX_TEXT 65536
#define MAX_NAME 256 /* of a model, or a pattern */

static int is_list(const struct dirent *d)
{
    size_t len = strlen(d->d_name), end = strlen(ENDING);

    return len > end && len - end < VOCAB_NAME && strcmp(d->d_name + len - end, ENDING) == 0;
}

/* NULL when it cannot be read. */
static char *read_globs(const char *folder, const char *file)
{
    struct str text;
    char path[4096], *copy = NULL;

    if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, file) >= sizeof(path) ||
        map_file_open(path, &text) != 0)
        return NULL;
    if (text.len <= MAX_TEXT && (copy = strndup(text.data, text.len)) == NULL)
        abort();
    map_file_close(&text);
    return copy;
}

size_t imported_list(const char *folder, struct imported *ret, size_t max)
{
    struct dirent **found = NULL;
    int n_found = scandir(folder, &found, is_list, alphasort);
    size_t n = 0;

    for (int i = 0; i < n_found; i++) {
        struct str name = {found[i]->d_name, strlen(found[i]->d_name) - strlen(ENDING)};
        char *globs = n < max ? read_globs(folder, found[i]->d_name) : NULL;
        if (globs && str_copy(ret[n].name, sizeof(ret[n].name), name))
            ret[n++].globs = globs;
        else
            free(globs);
        free(found[i]);
    }
    free(found);
    return n;
}

bool imported_is_for(const char *globs, struct str model)
{
    struct str rest = str_from(globs), line;
    char name[MAX_NAME], pattern[MAX_NAME];

    if (!str_copy(name, sizeof(name), model))
        return false;
    while (str_cut(&rest, '\n', &line)) {
        line = str_trim(line);
        if (line.len > 0 && str_copy(pattern, sizeof(pattern), line) &&
            fnmatch(pattern, name, FNM_CASEFOLD) == 0)
            return true;
    }
    return false;
}
