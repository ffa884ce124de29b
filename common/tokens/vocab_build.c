#include "vocab_make.h"

#include "base/digest.h"
#include "base/macro.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_RANKS (64U << 20)
#define MAX_TABLE (256U << 20)

/* The lists as OpenAI publishes them, and the SHA-256 that tiktoken's openai_public.py expects. */
static const struct published {
    const char *name;
    enum pretoken_family family;
    const char *digest;
} published[] = {
    {"o200k_base", PRETOKEN_O200K,
     "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"},
    {"cl100k_base", PRETOKEN_CL100K,
     "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"},
    {"p50k_base", PRETOKEN_GPT2,
     "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069"},
    {"r50k_base", PRETOKEN_GPT2,
     "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930"},
};

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "vocab_build: %s: %s\n", what, why);
    return 1;
}

static int usage(void)
{
    fprintf(stderr, "usage: vocab_build ENCODING RANKS.tiktoken TABLE\n");
    return 2;
}

static const struct published *find(const char *name)
{
    for (size_t i = 0; i < sizeof(published) / sizeof(published[0]); i++) {
        if (strcmp(published[i].name, name) == 0)
            return &published[i];
    }
    return NULL;
}

static int read_file(const char *path, struct buf *ret)
{
    FILE *f = fopen(path, "re");
    size_t n = 0;
    char *p;
    int r;

    if (!f)
        return -errno;
    while ((p = buf_reserve(ret, 65536)) && (n = fread(p, 1, 65536, f)) > 0)
        buf_commit(ret, n);
    r = ferror(f) ? -EIO : !p ? -EFBIG : 0;
    fclose(f);
    return r;
}

/* Beside the name first, so that nobody maps half a table. */
static int write_file(const char *path, struct str bytes)
{
    char part[4096];
    bool is_written;
    FILE *f;

    if (snprintf(part, sizeof(part), "%s.part", path) >= (int)sizeof(part))
        return -ENAMETOOLONG;
    f = fopen(part, "we");
    if (!f)
        return -errno;
    is_written =
        fwrite(bytes.data, 1, bytes.len, f) == bytes.len && fflush(f) == 0 && fsync(fileno(f)) == 0;
    if (fclose(f) != 0 || !is_written || rename(part, path) != 0) {
        int error = errno;
        unlink(part);
        return -error;
    }
    return 0;
}

static const char *why_not(enum vocab_make_result r)
{
    switch (r) {
    case VOCAB_MAKE_OK:
        return NULL;
    case VOCAB_MAKE_SYNTAX:
        return "not lines of base64 and a rank that rises";
    case VOCAB_MAKE_BYTES:
        return "the first 256 tokens are not the 256 bytes";
    case VOCAB_MAKE_TOO_BIG:
        return "too many tokens, or too long ones";
    case VOCAB_MAKE_CROWDED:
        return "a token twice, or too many collisions";
    }
    return "unknown";
}

static bool is_published(const struct published *p, struct str ranks)
{
    char hex[2 * DIGEST_SIZE + 1];
    uint8_t digest[DIGEST_SIZE];

    digest_sha256(ranks, digest);
    digest_hex(digest, sizeof(digest), hex);
    return strcmp(hex, p->digest) == 0;
}

int main(int argc, char **argv)
{
    CLEANUP(buf_done) struct buf ranks, table;
    const struct published *p = argc == 4 ? find(argv[1]) : NULL;
    const char *why;
    int r;

    buf_init(&ranks, MAX_RANKS);
    buf_init(&table, MAX_TABLE);
    if (!p)
        return usage();
    r = read_file(argv[2], &ranks);
    if (r < 0)
        return fail(argv[2], strerror(-r));
    if (!is_published(p, buf_str(&ranks)))
        return fail(argv[2], "not the list that OpenAI publishes under this name");
    why = why_not(vocab_make(buf_str(&ranks), p->name, p->family, &table));
    if (why)
        return fail(argv[2], why);
    r = write_file(argv[3], buf_str(&table));
    return r < 0 ? fail(argv[3], strerror(-r)) : 0;
}
