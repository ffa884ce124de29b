#include "engine_read.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool claim)
{
    if (!claim)
        abort();
}

static void check_number(double d, double most)
{
    require(isnan(d) || (d >= 0 && d <= most));
}

static void check(const struct engine_reading *r)
{
    check_number(r->running, ENGINE_MAX_NUMBER);
    check_number(r->waiting, ENGINE_MAX_NUMBER);
    check_number(r->kv_cache_usage, 1);
    check_number(r->loaded, (double)UINT32_MAX);
    require(r->context_length <= (uint64_t)ENGINE_MAX_NUMBER);
    require(r->n_names <= ENGINE_MAX_NAMES);
    for (size_t i = 0; i < r->n_names; i++)
        require(memchr(r->name[i], '\0', ENGINE_MAX_NAME) != NULL);
}

/* Whatever a server says, the reading is bounded, and the same twice over. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};

    for (int kind = ENGINE_UNKNOWN; kind <= ENGINE_SGLANG; kind++) {
        struct engine_reading r = engine_read_none(), again;
        r.kind = kind;
        (void)!engine_read_ps(text, &r);
        check(&r);
        (void)!engine_read_slots(text, &r);
        check(&r);
        (void)!engine_read_metrics(text, &r);
        check(&r);
        again = r;
        (void)!engine_read_metrics(text, &again);
        require(memcmp(&r, &again, sizeof(r)) == 0);
    }
    struct engine_reading r = engine_read_none();
    const struct json_value *root;
    struct arena a;
    size_t offset;
    arena_init(&a, 4 << 20);
    if (json_parse(&a, text, &root, &offset) == JSON_OK)
        engine_read_list(json_get(root, "data"), &a, &r);
    check(&r);
    arena_done(&a);
    return 0;
}
