#include "settings/settings.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The property: refused with its place, or what is printed loads again and prints the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(settings_free) struct settings *s = NULL, *again = NULL;
    CLEANUP(buf_done) struct buf first = {.max = 1 << 24};
    CLEANUP(buf_done) struct buf second = {.max = 1 << 24};
    struct str text = {(const char *)data, size};
    char why[600];
    unsigned line, column;

    if (settings_parse("f", text, &s, why, sizeof(why)) != 0) {
        if (sscanf(why, "f:%u:%u: ", &line, &column) != 2 || line == 0 || column == 0)
            abort();
        return 0;
    }
    if (settings_print(s, &first) != BUF_OK || first.len > 1 << 20)
        return 0; /* defaults written out may outgrow what is read */
    if (settings_parse("f", buf_str(&first), &again, why, sizeof(why)) != 0 ||
        settings_print(again, &second) != BUF_OK)
        abort();
    if (first.len != second.len || memcmp(first.data, second.data, first.len) != 0)
        abort();
    return 0;
}
