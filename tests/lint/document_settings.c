/* Prints the generated part of docs/CONFIGURATION.md. */
#include "settings/settings.h"

#include <stdio.h>

int main(void)
{
    CLEANUP(buf_done) struct buf text = {.max = 1 << 20};

    if (settings_document(&text) != BUF_OK)
        return 1;
    return fwrite(text.data, 1, text.len, stdout) == text.len ? 0 : 1;
}
