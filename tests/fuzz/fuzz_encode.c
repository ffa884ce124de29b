#include "tokens/encode.h"
#include "toy_vocab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    struct vocab v;
    struct buf table;
    struct encode *e;
} families[PRETOKEN_FAMILIES];

static void need(bool claim)
{
    if (!claim)
        abort();
}

static void check(enum pretoken_family family, struct str text, uint32_t *ids, uint32_t *reference)
{
    struct encode *e = families[family].e;
    size_t n, want = toy_encode(family, text, reference), at = 0;
    uint64_t count;

    need(encode_ids(e, text, ids, &n) == ENCODE_OK);
    need(n == want && memcmp(ids, reference, n * sizeof(*ids)) == 0);
    need(encode_count(e, text, n, &count) == ENCODE_OK && count == n);
    need(n == 0 || encode_count(e, text, n - 1, &count) == ENCODE_OVER_LIMIT);
    for (size_t i = 0; i < n; i++) {
        struct str token = vocab_text(&families[family].v, ids[i]);
        need(token.len <= text.len - at && memcmp(token.data, text.data + at, token.len) == 0);
        at += token.len;
    }
    need(at == text.len);
}

/* The properties: tokens are those of the definition, they spell the text, and counting agrees at
 * every limit. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size < 4096 ? size : 4096};
    uint32_t *ids = malloc((text.len + 1) * sizeof(*ids));
    uint32_t *reference = malloc((text.len + 1) * sizeof(*reference));

    for (int family = 0; family < PRETOKEN_FAMILIES; family++) {
        if (!families[family].e) {
            toy_make(&families[family].v, &families[family].table, (enum pretoken_family)family);
            families[family].e = encode_new(&families[family].v);
        }
        check((enum pretoken_family)family, text, ids, reference);
    }
    free(ids);
    free(reference);
    return 0;
}
