#include "base/http1_response.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_FIELDS = 16, MAX_HEADER = 2048 };

struct outcome {
    struct http1_field fields[MAX_FIELDS];
    struct http1_response r;
    enum http1_result result;
};

static void parse(const uint8_t *data, size_t size, size_t step, struct outcome *o)
{
    memset(o, 0, sizeof(*o));
    http1_response_init(&o->r, o->fields, MAX_FIELDS, MAX_HEADER, false);
    o->result = HTTP1_MORE;
    for (size_t len = 0; len < size && o->result == HTTP1_MORE;) {
        len = size - len < step ? size : len + step;
        char *copy = malloc(len);
        if (!copy)
            abort();
        memcpy(copy, data, len);
        o->result = http1_response_feed(&o->r, (struct str){copy, len});
        free(copy);
    }
}

/* The property: cutting the head differently changes nothing. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole, cut;

    if (size == 0 || size > 2ul * MAX_HEADER)
        return 0;
    parse(data, size, size, &whole);
    parse(data, size, 1, &cut);
    if (whole.result != cut.result || whole.r.head.why != cut.r.head.why ||
        whole.r.status != cut.r.status || whole.r.size != cut.r.size ||
        whole.r.body != cut.r.body || whole.r.content_length != cut.r.content_length ||
        memcmp(whole.fields, cut.fields, sizeof(whole.fields)) != 0)
        abort();
    return 0;
}
