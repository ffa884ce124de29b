#include "base/http1_request.h"
#include "base/http1_target.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_FIELDS = 16, MAX_HEADER = 2048 };

struct outcome {
    struct http1_field fields[MAX_FIELDS];
    struct http1_request r;
    enum http1_result result;
};

/* Every call sees the bytes in memory of their exact size, at a new place. */
static void parse(const uint8_t *data, size_t size, size_t step, struct outcome *o)
{
    memset(o, 0, sizeof(*o));
    http1_request_init(&o->r, o->fields, MAX_FIELDS, MAX_HEADER);
    o->result = HTTP1_MORE;
    for (size_t len = 0; len < size && o->result == HTTP1_MORE;) {
        len = size - len < step ? size : len + step;
        char *copy = malloc(len);
        if (!copy)
            abort();
        memcpy(copy, data, len);
        o->result = http1_request_feed(&o->r, (struct str){copy, len});
        free(copy);
    }
}

static void check_path(const struct outcome *o, const uint8_t *data)
{
    char path[MAX_HEADER + 1];
    struct str raw = {(const char *)data + o->r.path.at, o->r.path.len};
    size_t len = http1_target_decode(raw, path);

    if (strlen(path) != len || (path[0] != '/' && strcmp(path, "*") != 0) || strstr(path, "//") ||
        strstr(path, "/../") || strstr(path, "/./") || strpbrk(path, "\r\n\\#"))
        abort();
}

/* The properties: cutting differently changes nothing, and a path is what it seems. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole, cut;

    if (size == 0 || size > 2ul * MAX_HEADER)
        return 0;
    parse(data, size, size, &whole);
    for (size_t step = 1; step <= 3; step += 2) {
        parse(data, size, step, &cut);
        if (whole.result != cut.result || whole.r.head.status != cut.r.head.status ||
            whole.r.head.why != cut.r.head.why || whole.r.size != cut.r.size ||
            whole.r.content_length != cut.r.content_length ||
            memcmp(whole.fields, cut.fields, sizeof(whole.fields)) != 0)
            abort();
    }
    if (whole.result == HTTP1_DONE)
        check_path(&whole, data);
    return 0;
}
