#include "base/multipart.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first line is the content type, the rest the body. The properties: every part lies inside the
 * body behind the one before it, holds no delimiter, and replacing a part's content by other text
 * leaves a form whose other parts are the same. */
static enum multipart_result walk(struct str type, struct str body, struct str *ret_last,
                                  unsigned *ret_n)
{
    struct multipart m;
    struct multipart_part part;
    const char *behind = body.data;
    enum multipart_result r = multipart_init(&m, type, body);

    *ret_n = 0;
    while (r == MULTIPART_OK && (r = multipart_next(&m, &part)) == MULTIPART_OK) {
        if (part.content.data < behind ||
            part.content.data + part.content.len > body.data + body.len)
            abort();
        if (memmem(part.content.data, part.content.len, m.delimiter, strlen(m.delimiter)))
            abort();
        behind = part.content.data + part.content.len;
        *ret_last = part.content;
        if (++*ret_n > MULTIPART_MAX_PARTS)
            abort();
    }
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str body = {(const char *)data, size}, type, last, other;
    unsigned n, n_after;

    if (!str_cut(&body, '\n', &type) || walk(type, body, &last, &n) != MULTIPART_END || n == 0)
        return 0;
    size_t before = (size_t)(last.data - body.data), after = body.len - before - last.len;
    char *edited = malloc(before + 3 + after);
    memcpy(edited, body.data, before);
    memcpy(edited + before, "new", 3);
    memcpy(edited + before + 3, last.data + last.len, after);
    if (walk(type, (struct str){edited, before + 3 + after}, &other, &n_after) != MULTIPART_END ||
        n_after != n || !str_is(other, "new"))
        abort();
    free(edited);
    return 0;
}
