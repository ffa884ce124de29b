#include "price_import.h"

#include "price_file.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The property: whatever the list is, what comes of it is a price file that loads, with as many
 * rows as were told, or nothing. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct price_import p = {.text = {(const char *)data, size}, .date = STR("2026-11-21")};
    struct buf out;
    struct price_file file;
    char why[300];

    buf_init(&out, (size_t)2 << 20);
    if (price_import_write(&p, &out) == PRICE_IMPORT_OK) {
        if (price_file_parse("out", buf_str(&out), &file, why, sizeof(why)) != 0)
            abort();
        if (file.n_rows != p.n_rows || p.n_rows == 0)
            abort();
        price_file_done(&file);
    }
    buf_done(&out);
    return 0;
}
