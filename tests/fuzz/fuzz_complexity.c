#include "complexity.h"

#include "base/arena.h"
#include "base/buf.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The score of a prompt, as JSON spells it: `text` between the quotes. 2: no JSON. */
static double score_of(struct str text)
{
    struct buf body;
    struct arena a;
    const struct json_value *root;
    size_t offset;
    double score = 2;

    buf_init(&body, 1u << 20);
    arena_init(&a, 16u << 20);
    if (buf_add_str(&body, STR("{\"messages\":[{\"role\":\"user\",\"content\":\"")) == BUF_OK &&
        buf_add_str(&body, text) == BUF_OK && buf_add_str(&body, STR("\"}]}")) == BUF_OK &&
        json_parse(&a, buf_str(&body), &root, &offset) == JSON_OK)
        score = complexity_score(root).score;
    arena_done(&a);
    buf_done(&body);
    return score;
}

/* Any text has a score from 0 to 1, the same each time. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    double score = score_of(text);

    if (score != 2 && (score < 0 || score > 1 || score_of(text) != score))
        abort();
    return 0;
}
