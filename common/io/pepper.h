/* pepper.h -- which secret turns a presented key into what is stored? 32 random bytes in a file of
 * mode 0600, made at first start; kept out of swap and core files, wiped on release.
 */
#pragma once

#include "base/digest.h"
#include "base/macro.h"
#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

#define PEPPER_SIZE 32

enum pepper_result {
    PEPPER_OK = 0,
    PEPPER_UNSAFE,  /* others may read the file */
    PEPPER_DAMAGED, /* not 32 bytes */
};

struct pepper;

/* Made if there is none. enum pepper_result or -errno. */
MUST_USE int pepper_load(const char *path, struct pepper **ret);
void pepper_free(struct pepper **p);

/* HMAC-SHA-256(pepper, text). */
void pepper_digest(const struct pepper *p, struct str text, uint8_t ret_digest[DIGEST_SIZE]);
