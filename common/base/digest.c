#include "base/digest.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define BLOCK_SIZE 64

/* Looking the algorithm up costs four times the hashing of a short text, so it is done once. */
static const EVP_MD *algorithm(void)
{
    static _Atomic(EVP_MD *) fetched;
    EVP_MD *md = atomic_load_explicit(&fetched, memory_order_acquire);

    if (md)
        return md;
    EVP_MD *mine = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (!mine)
        abort();
    if (atomic_compare_exchange_strong(&fetched, &md, mine))
        return mine;
    EVP_MD_free(mine);
    return md;
}

static void hash_two(EVP_MD_CTX *ctx, struct str a, struct str b, uint8_t ret_digest[DIGEST_SIZE])
{
    if (!EVP_DigestInit_ex2(ctx, algorithm(), NULL) || !EVP_DigestUpdate(ctx, a.data, a.len) ||
        !EVP_DigestUpdate(ctx, b.data, b.len) || !EVP_DigestFinal_ex(ctx, ret_digest, NULL))
        abort();
}

static EVP_MD_CTX *new_context(void)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    if (!ctx)
        abort();
    return ctx;
}

void digest_sha256(struct str text, uint8_t ret_digest[DIGEST_SIZE])
{
    EVP_MD_CTX *ctx = new_context();

    hash_two(ctx, text, STR_EMPTY, ret_digest);
    EVP_MD_CTX_free(ctx);
}

struct digest_stream {
    EVP_MD_CTX *ctx;
};

struct digest_stream *digest_stream_new(void)
{
    struct digest_stream *d = malloc(sizeof(*d));

    if (!d)
        abort();
    d->ctx = new_context();
    if (!EVP_DigestInit_ex2(d->ctx, algorithm(), NULL))
        abort();
    return d;
}

void digest_stream_free(struct digest_stream **d)
{
    if (!*d)
        return;
    EVP_MD_CTX_free((*d)->ctx);
    free(*d);
    *d = NULL;
}

void digest_stream_add(struct digest_stream *d, struct str text)
{
    if (!EVP_DigestUpdate(d->ctx, text.data, text.len))
        abort();
}

void digest_stream_finish(struct digest_stream *d, uint8_t ret_digest[DIGEST_SIZE])
{
    if (!EVP_DigestFinal_ex(d->ctx, ret_digest, NULL))
        abort();
}

/* RFC 2104 by hand: libcrypto's HMAC() looks its parts up again at each call. */
void digest_hmac(struct str key, struct str text, uint8_t ret_digest[DIGEST_SIZE])
{
    uint8_t pad[BLOCK_SIZE] = {0}, inner[DIGEST_SIZE];
    struct str block = {(const char *)pad, sizeof(pad)};
    EVP_MD_CTX *ctx = new_context();

    if (key.len > sizeof(pad))
        hash_two(ctx, key, STR_EMPTY, pad);
    else if (key.len > 0)
        memcpy(pad, key.data, key.len);

    for (size_t i = 0; i < sizeof(pad); i++)
        pad[i] ^= 0x36;
    hash_two(ctx, block, text, inner);
    for (size_t i = 0; i < sizeof(pad); i++)
        pad[i] ^= 0x36 ^ 0x5c;
    hash_two(ctx, block, (struct str){(const char *)inner, sizeof(inner)}, ret_digest);

    OPENSSL_cleanse(pad, sizeof(pad));
    EVP_MD_CTX_free(ctx);
}

bool digest_equal(const uint8_t a[DIGEST_SIZE], const uint8_t b[DIGEST_SIZE])
{
    return CRYPTO_memcmp(a, b, DIGEST_SIZE) == 0;
}

void digest_hex(const uint8_t *bytes, size_t n, char *ret_text)
{
    for (size_t i = 0; i < n; i++) {
        *ret_text++ = "0123456789abcdef"[bytes[i] >> 4];
        *ret_text++ = "0123456789abcdef"[bytes[i] & 15];
    }
    *ret_text = '\0';
}

void digest_random(void *bytes, size_t n)
{
    char *to = bytes;

    while (n > 0) {
        ssize_t got = getrandom(to, n, 0);
        if (got < 0 && errno != EINTR)
            abort();
        if (got > 0) {
            to += got;
            n -= (size_t)got;
        }
    }
}
