#include "tokens/encode.h"
#include "tokens/vocab_json.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool claim)
{
    if (!claim)
        abort();
}

/* Each token's text is spelled by the tokens that it is cut into. */
static void check(const struct vocab *v)
{
    uint32_t ids[VOCAB_MAX_TOKEN];
    struct encode *e = encode_new(v);

    for (uint32_t id = 0; id < v->header->n_tokens; id++) {
        struct str text = vocab_text(v, id);
        size_t n, at = 0;
        need(encode_ids(e, text, ids, &n) == ENCODE_OK);
        for (size_t i = 0; i < n; i++) {
            struct str part = vocab_text(v, ids[i]);
            need(part.len <= text.len - at && memcmp(part.data, text.data + at, part.len) == 0);
            at += part.len;
        }
        need(at == text.len);
    }
    encode_free(&e);
}

/* The property: whatever is accepted makes a table that is whole and spells its own tokens. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str file = {(const char *)data, size}, what;
    struct vocab_source source;
    struct arena a;

    arena_init(&a, 8 << 20);
    if (vocab_json_read(&a, file, &source, &what) == VOCAB_JSON_OK) {
        struct buf table;
        struct vocab v;
        buf_init(&table, 16 << 20);
        if (vocab_make(&source, "fuzz", &table) == VOCAB_MAKE_OK) {
            need(vocab_init(&v, buf_str(&table)) == VOCAB_OK && vocab_is_intact(&v));
            check(&v);
        }
        buf_done(&table);
    }
    vocab_source_done(&source);
    arena_done(&a);
    return 0;
}
