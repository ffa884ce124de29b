#include "io/trail_key.h"

#include "io/pepper.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int trail_key_load(const char *path, uint8_t ret_key[CHAIN_KEY_SIZE], char *reterr,
                   size_t reterr_size)
{
    CLEANUP(pepper_free) struct pepper *secret = NULL;
    int r = pepper_load(path, &secret);
    if (r) {
        const char *what = r == PEPPER_UNSAFE ? "others may read it" : "it is not 32 bytes";
        snprintf(reterr, reterr_size, "%s: %s", path, r < 0 ? strerror(-r) : what);
        return r < 0 ? r : -EACCES;
    }
    pepper_digest(secret, STR("audit trail 1"), ret_key);
    return 0;
}
