#include "base/json_write.h"
#include "cache_key.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool claim)
{
    if (!claim)
        abort();
}

/* Writes a request anew: spelled as differently as JSON allows, with one leaf changed or none. */
struct respeller {
    struct buf *out;
    struct arena *arena;
    size_t leaf, change_at; /* SIZE_MAX: change nothing */
};

static void put(struct respeller *r, const char *text)
{
    require(buf_add_str(r->out, str_from(text)) == BUF_OK);
}

static void put_string(struct respeller *r, struct str s, bool is_changed)
{
    static const char digits[] = "0123456789abcdef";

    put(r, "\"");
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];
        char escape[] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15], '\0'};
        char plain[] = {(char)c, '\0'};
        put(r, c < 0x80 ? escape : plain);
    }
    put(r, is_changed ? "x\"" : "\"");
}

/* 12 as 12.0e+00, 1.5 as 1.50; changed: another digit that counts. */
static void put_number(struct respeller *r, struct str raw, bool is_changed)
{
    size_t mantissa = 0;

    while (mantissa < raw.len && (raw.data[mantissa] | 0x20) != 'e')
        mantissa++;
    bool has_point = memchr(raw.data, '.', mantissa) != NULL;
    require(buf_add(r->out, raw.data, mantissa) == BUF_OK);
    put(r, has_point ? "" : ".");
    put(r, is_changed ? "00000000000000000000001" : "0");
    require(buf_add(r->out, raw.data + mantissa, raw.len - mantissa) == BUF_OK);
    if (mantissa == raw.len)
        put(r, "e+00");
}

static void put_value(struct respeller *r, const struct json_value *v);

/* Last first. */
static void put_members(struct respeller *r, const struct json_value *m)
{
    if (!m)
        return;
    put_members(r, m->next);
    if (m->next)
        put(r, " ,\n");
    put_string(r, m->key, false);
    put(r, "\t: ");
    put_value(r, m);
}

static void put_value(struct respeller *r, const struct json_value *v)
{
    struct str s;
    bool is_leaf = v->n_children == 0;
    bool is_changed = is_leaf && r->leaf++ == r->change_at;

    switch (v->type) {
    case JSON_OBJECT:
        put(r, is_changed ? "{\"x\":0" : "{");
        put_members(r, v->child);
        put(r, "}");
        break;
    case JSON_ARRAY:
        put(r, is_changed ? "[0" : "[");
        for (const struct json_value *e = v->child; e; e = e->next) {
            put_value(r, e);
            put(r, e->next ? " , " : "");
        }
        put(r, "]");
        break;
    case JSON_STRING:
        require(json_string(v, r->arena, &s));
        put_string(r, s, is_changed);
        break;
    case JSON_NUMBER:
        put_number(r, v->raw, is_changed);
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        put(r, (v->type == JSON_TRUE) == is_changed ? "false" : "true");
        break;
    case JSON_NULL:
        put(r, is_changed ? "0" : "null");
        break;
    }
}

static struct cache_key key_of(struct arena *a, struct str text)
{
    static const struct str also = STR_INIT("small");
    struct cache_key_parts p = {.scope_kind = STR("key"),
                                .scope = STR("k"),
                                .also = &also,
                                .n_also = 1,
                                .endpoint = STR("/v1")};
    struct cache_key key = {{0}};
    struct buf canonical;
    size_t offset;

    require(json_parse(a, text, &p.body, &offset) == JSON_OK);
    buf_init(&canonical, 64 << 20);
    require(cache_key_make(&p, a, &canonical, &key) == CACHE_KEY_OK);
    buf_done(&canonical);
    return key;
}

static struct cache_key respelled(struct arena *a, const struct json_value *root, size_t change_at,
                                  size_t *ret_leaves)
{
    struct buf out;
    struct respeller r = {&out, a, 0, change_at};

    buf_init(&out, 64 << 20);
    put_value(&r, root);
    struct cache_key key = key_of(a, buf_str(&out));
    buf_done(&out);
    *ret_leaves = r.leaf;
    return key;
}

/* Left out of the key at the top: a change there would change nothing. And a number beyond every
 * size counts as it is spelled. */
static bool is_ordinary(const struct json_value *v)
{
    if (v->type == JSON_NUMBER && v->raw.len > 12)
        return false;
    for (const struct json_value *m = v->child; m; m = m->next)
        if (str_is(m->key, "model") || str_is(m->key, "stream") || str_is(m->key, "x") ||
            !is_ordinary(m))
            return false;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    const struct json_value *root = NULL;
    size_t offset, leaves, same;
    struct arena a;

    arena_init(&a, 256 << 20);
    if (size < 4096 && json_parse(&a, text, &root, &offset) == JSON_OK &&
        root->type == JSON_OBJECT && is_ordinary(root)) {
        struct cache_key key = key_of(&a, text);
        struct cache_key again = respelled(&a, root, SIZE_MAX, &leaves);
        require(cache_key_equal(&key, &again));
        for (size_t i = 0; i < leaves && i < 100; i++) {
            struct cache_key changed = respelled(&a, root, i, &same);
            require(!cache_key_equal(&key, &changed));
        }
    }
    arena_done(&a);
    return 0;
}
