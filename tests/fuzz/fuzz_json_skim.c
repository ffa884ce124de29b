#include "base/arena.h"
#include "base/json.h"
#include "base/json_skim.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The property: of a text that is JSON the same member is found as by the parser, and whatever is
 * found lies inside the text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size}, found = {NULL, 0};
    const struct json_value *root;
    struct arena a;
    size_t offset;

    bool is_found = json_skim_member(text, "usage", &found);
    if (is_found &&
        (found.len == 0 || found.data < text.data || found.data + found.len > text.data + text.len))
        abort();
    arena_init(&a, 16u << 20);
    if (json_parse(&a, text, &root, &offset) == JSON_OK) {
        const struct json_value *value = NULL;
        for (const struct json_value *v = json_is(root, JSON_OBJECT) ? root->child : NULL; v;
             v = v->next)
            if (str_is(v->key_raw, "\"usage\""))
                value = v;
        if (is_found != (value != NULL) || (value && !str_equal(value->raw, found)))
            abort();
    }
    arena_done(&a);
    return 0;
}
