#include "tokens/picture.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The properties: a size that is found is found in the same text with more behind it, and costs a
 * bounded number of tokens. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const models[] = {"gpt-4o", "o4-mini", "claude-x"};
    struct picture whole, part;

    if (!picture_find_size((struct str){(const char *)data, size}, &whole.width, &whole.height))
        return 0;
    for (size_t n = 0; n < size; n++)
        if (picture_find_size((struct str){(const char *)data, n}, &part.width, &part.height) &&
            (part.width != whole.width || part.height != whole.height))
            abort();
    whole.is_low = false;
    for (size_t i = 0; i < 3; i++)
        if (picture_count(counting_rule_find(str_from(models[i])), &whole).tokens > 5000)
            abort();
    return 0;
}
