#include "base/accept.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The property: a weight is -1 or from 0 to 1, and other items do not change it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char other[] = "other/form;q=0.9,";
    struct str field = {(const char *)data, size};
    double weight = accept_weight(field, "gzip");

    if (weight != -1 && !(weight >= 0 && weight <= 1))
        abort();
    char *longer = malloc(sizeof(other) - 1 + size);
    if (!longer)
        abort();
    memcpy(longer, other, sizeof(other) - 1);
    if (size > 0)
        memcpy(longer + sizeof(other) - 1, data, size);
    if (accept_weight((struct str){longer, sizeof(other) - 1 + size}, "gzip") != weight)
        abort();
    free(longer);
    return 0;
}
