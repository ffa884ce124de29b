/* digest.h -- SHA-256 and HMAC-SHA-256 (RFC 6234, RFC 2104), comparison in constant time, random
 * bytes. */
#pragma once

#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIGEST_SIZE 32

void digest_sha256(struct str text, uint8_t ret_digest[DIGEST_SIZE]);

/* SHA-256 of what comes in pieces. */
struct digest_stream;
struct digest_stream *digest_stream_new(void);
void digest_stream_free(struct digest_stream **d); /* NULL inside is fine */
void digest_stream_add(struct digest_stream *d, struct str text);
void digest_stream_finish(struct digest_stream *d, uint8_t ret_digest[DIGEST_SIZE]);

void digest_hmac(struct str key, struct str text, uint8_t ret_digest[DIGEST_SIZE]);
bool digest_equal(const uint8_t a[DIGEST_SIZE], const uint8_t b[DIGEST_SIZE]);

/* Lower-case hex; `ret_text` needs 2 n + 1 bytes. */
void digest_hex(const uint8_t *bytes, size_t n, char *ret_text);

/* Unpredictable bytes from the kernel; aborts when there are none. */
void digest_random(void *bytes, size_t n);
