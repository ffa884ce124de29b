#include "vocab_ranks.h"

#include "base/digest.h"

#include <stdlib.h>
#include <string.h>

#define MAX_DIGITS 9

/* With the SHA-256 that tiktoken's openai_public.py expects. */
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

const char *vocab_ranks_name(struct str ranks, enum pretoken_family *ret_family)
{
    char hex[2 * DIGEST_SIZE + 1];
    uint8_t digest[DIGEST_SIZE];

    digest_sha256(ranks, digest);
    digest_hex(digest, sizeof(digest), hex);
    for (size_t i = 0; i < sizeof(published) / sizeof(published[0]); i++) {
        if (strcmp(published[i].digest, hex) == 0) {
            *ret_family = published[i].family;
            return published[i].name;
        }
    }
    return NULL;
}

static int sextet(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* Bytes written, or 0 for what is not base64 of something. */
static uint32_t decode(struct str text, unsigned char *ret_bytes)
{
    uint32_t n = 0, bits = 0;
    unsigned held = 0;

    while (text.len > 0 && text.data[text.len - 1] == '=')
        text.len--;
    for (size_t i = 0; i < text.len; i++) {
        int digit = sextet(text.data[i]);
        if (digit < 0)
            return 0;
        bits = bits << 6 | (uint32_t)digit;
        held += 6;
        if (held >= 8) {
            held -= 8;
            ret_bytes[n++] = (unsigned char)(bits >> held);
        }
    }
    return n;
}

static bool read_rank(struct str text, uint32_t *ret_rank)
{
    uint32_t rank = 0;

    if (text.len == 0 || text.len > MAX_DIGITS)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        rank = rank * 10 + (uint32_t)(text.data[i] - '0');
    }
    *ret_rank = rank;
    return true;
}

static enum vocab_ranks_result add_line(struct vocab_source *s, struct str line)
{
    struct str base64;
    uint32_t rank, n;

    if (!str_cut(&line, ' ', &base64) || !read_rank(line, &rank) || rank < s->n_entries)
        return VOCAB_RANKS_SYNTAX;
    n = decode(base64, s->bytes + s->n_bytes);
    if (n == 0)
        return VOCAB_RANKS_SYNTAX;
    if (rank >= 1U << VOCAB_ID_BITS || n > VOCAB_MAX_TOKEN)
        return VOCAB_RANKS_TOO_BIG;
    s->n_entries = rank + 1; /* those between are unused */
    s->entries[rank] =
        (struct vocab_entry){.at = s->n_bytes, .length = (uint8_t)n, .kind = VOCAB_ENTRY_RANKED};
    s->n_bytes += n;
    return VOCAB_RANKS_OK;
}

enum vocab_ranks_result vocab_ranks_read(struct str ranks, enum pretoken_family family,
                                         struct vocab_source *ret)
{
    struct str line;

    *ret = (struct vocab_source){.family = family, .file = ranks};
    ret->bytes = malloc(ranks.len + 1);
    ret->entries = calloc(1U << VOCAB_ID_BITS, sizeof(*ret->entries));
    if (!ret->bytes || !ret->entries)
        abort();
    while (str_cut(&ranks, '\n', &line)) {
        enum vocab_ranks_result r = line.len == 0 ? VOCAB_RANKS_OK : add_line(ret, line);
        if (r != VOCAB_RANKS_OK)
            return r;
    }
    ret->n_tokens = ret->n_entries;
    return VOCAB_RANKS_OK;
}
