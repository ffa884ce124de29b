#include "worker_register.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ROWS 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever the file holds, its rows are bounded, and what is written of them is read the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct worker_register_row rows[MAX_ROWS], again[MAX_ROWS];
    struct buf text;

    size_t n = worker_register_parse((struct str){(const char *)data, size}, rows, MAX_ROWS);
    if (n > MAX_ROWS)
        abort();
    for (size_t i = 0; i < n; i++)
        if (rows[i].name[0] == '\0' || !memchr(rows[i].name, '\0', sizeof(rows[i].name)) ||
            !memchr(rows[i].tag, '\0', sizeof(rows[i].tag)))
            abort();
    buf_init(&text, sizeof(rows) * 2);
    if (worker_register_print(rows, n, &text) != BUF_OK ||
        worker_register_parse(buf_str(&text), again, MAX_ROWS) != n)
        abort();
    for (size_t i = 0; i < n; i++)
        if (strcmp(rows[i].name, again[i].name) != 0 || strcmp(rows[i].tag, again[i].tag) != 0 ||
            rows[i].is_held != again[i].is_held)
            abort();
    buf_done(&text);
    return 0;
}
