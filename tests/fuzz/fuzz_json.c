#include "base/json.h"
#include "base/json_edit.h"
#include "base/json_write.h"
#include "base/utf8.h"
#include "tokens/estimate.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool claim)
{
    if (!claim)
        abort();
}

/* A recogniser of RFC 8259 that is as plain as the grammar: what json_parse() must agree with. */
struct oracle {
    const char *p, *end;
    unsigned depth;
};

static bool oracle_value(struct oracle *o);

static bool oracle_is(const struct oracle *o, char c)
{
    return o->p < o->end && *o->p == c;
}

static bool oracle_take(struct oracle *o, const char *text)
{
    size_t n = strlen(text);

    if ((size_t)(o->end - o->p) < n || memcmp(o->p, text, n) != 0)
        return false;
    o->p += n;
    return true;
}

static void oracle_space(struct oracle *o)
{
    while (oracle_is(o, ' ') || oracle_is(o, '\t') || oracle_is(o, '\n') || oracle_is(o, '\r'))
        o->p++;
}

static bool oracle_digits(struct oracle *o)
{
    const char *start = o->p;

    while (o->p < o->end && *o->p >= '0' && *o->p <= '9')
        o->p++;
    return o->p > start;
}

static bool oracle_number(struct oracle *o)
{
    oracle_take(o, "-");
    if (!oracle_take(o, "0") && !oracle_digits(o))
        return false;
    if (oracle_take(o, ".") && !oracle_digits(o))
        return false;
    if (!oracle_take(o, "e") && !oracle_take(o, "E"))
        return true;
    if (!oracle_take(o, "+"))
        oracle_take(o, "-");
    return oracle_digits(o);
}

/* The code unit of \uXXXX, or -1. */
static int oracle_unit(struct oracle *o)
{
    int unit = 0;

    if (!oracle_take(o, "\\u") || o->end - o->p < 4)
        return -1;
    for (unsigned i = 0; i < 4; i++) {
        const char *digits = "0123456789abcdef0123456789ABCDEF";
        const char *found = memchr(digits, *o->p++, 32);
        if (!found)
            return -1;
        unit = unit * 16 + (int)(found - digits) % 16;
    }
    return unit;
}

static bool oracle_escape(struct oracle *o)
{
    if (o->end - o->p >= 2 && memchr("\"\\/bfnrt", o->p[1], 8)) {
        o->p += 2;
        return true;
    }
    int unit = oracle_unit(o);
    if (unit < 0xd800 || unit > 0xdfff)
        return unit > 0;
    int low = unit < 0xdc00 ? oracle_unit(o) : -1;
    return low >= 0xdc00 && low <= 0xdfff;
}

static bool oracle_string(struct oracle *o)
{
    if (!oracle_take(o, "\""))
        return false;
    while (o->p < o->end && *o->p != '"') {
        unsigned char c = (unsigned char)*o->p;
        if (c < 0x20 || (c == '\\' && !oracle_escape(o)))
            return false;
        if (c != '\\')
            o->p++;
    }
    return oracle_take(o, "\"");
}

static bool oracle_items(struct oracle *o, const char *close, bool has_keys)
{
    oracle_space(o);
    if (oracle_take(o, close))
        return true;
    do {
        oracle_space(o);
        if (has_keys) {
            if (!oracle_string(o))
                return false;
            oracle_space(o);
            if (!oracle_take(o, ":"))
                return false;
        }
        if (!oracle_value(o))
            return false;
    } while (oracle_take(o, ","));
    return oracle_take(o, close);
}

static bool oracle_value(struct oracle *o)
{
    bool ok;

    oracle_space(o);
    if (oracle_is(o, '{') || oracle_is(o, '[')) {
        bool has_keys = *o->p++ == '{';
        ok = o->depth++ < JSON_MAX_DEPTH && oracle_items(o, has_keys ? "}" : "]", has_keys);
        o->depth--;
    } else if (oracle_is(o, '"')) {
        ok = oracle_string(o);
    } else {
        ok = oracle_take(o, "true") || oracle_take(o, "false") || oracle_take(o, "null") ||
             oracle_number(o);
    }
    oracle_space(o);
    return ok;
}

static bool oracle_text(struct str text)
{
    struct oracle o = {text.data, text.data + text.len, 0};

    return utf8_is_valid(text.data, text.len) && oracle_value(&o) && o.p == o.end;
}

/* Offsets inside the text, children inside their parents and in order, strings well-formed. */
static const char *check_value(const struct json_value *v, struct arena *a, const char *from,
                               const char *end)
{
    uint32_t n = 0;
    struct str s;

    if (v->key_raw.len > 0) {
        require(v->key_raw.len >= 2 && v->key_raw.data >= from);
        require(v->key.len <= v->key_raw.len - 2 && utf8_is_valid(v->key.data, v->key.len));
        from = v->key_raw.data + v->key_raw.len;
    }
    require(v->raw.len > 0 && v->raw.data >= from && v->raw.data + v->raw.len <= end);
    if (v->type == JSON_STRING) {
        require(json_string(v, a, &s) && s.len <= v->raw.len - 2 && utf8_is_valid(s.data, s.len));
        require(s.len == 0 || !memchr(s.data, '\0', s.len));
    }
    from = v->raw.data + 1;
    for (const struct json_value *child = v->child; child; child = child->next, n++) {
        from = check_value(child, a, from, v->raw.data + v->raw.len - 1);
        require((v->type == JSON_OBJECT) == (child->key_raw.len > 0));
    }
    require(n == v->n_children);
    return v->raw.data + v->raw.len;
}

/* What is edited stays JSON. */
static void check_edits(const struct json_value *root, struct str text, struct arena *a)
{
    struct json_edit e;
    struct buf out;
    const struct json_value *v;
    size_t offset, n = 0;

    if (root->type != JSON_OBJECT || json_get(root, "new"))
        return;
    json_edit_init(&e, text);
    for (const struct json_value *m = root->child; m && n < 10; m = m->next, n++) {
        if (n % 3 == 0)
            json_edit_replace(&e, m, STR("[1]"));
        if (n % 3 != 1)
            json_edit_remove(&e, root, m);
    }
    json_edit_set(&e, root, "new", STR("{}"), STR("\"new\":{}"));
    buf_init(&out, text.len + 1000);
    require(json_edit_apply(&e, &out) == BUF_OK && out.len == json_edit_length(&e));
    require(json_parse(a, buf_str(&out), &v, &offset) == JSON_OK && json_get(v, "new"));
    buf_done(&out);
}

/* Written by json_write.h, any bytes are a string that reads back as UTF-8. */
static void check_writing(struct str text, struct arena *a)
{
    const struct json_value *v;
    struct json_write w;
    struct buf out;
    struct str again;
    size_t offset;

    buf_init(&out, 6 * text.len + 2);
    json_write_init(&w, &out);
    json_write_str(&w, text);
    require(json_write_finish(&w) == BUF_OK);
    enum json_result r = json_parse(a, buf_str(&out), &v, &offset);
    if (text.len > 0 && memchr(text.data, '\0', text.len)) {
        require(r == JSON_UTF8);
    } else {
        require(r == JSON_OK && json_string(v, a, &again));
        require(!utf8_is_valid(text.data, text.len) || str_equal(text, again));
    }
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    const struct json_value *root = NULL;
    size_t offset = 0;
    struct arena a;

    arena_init(&a, 256 << 20);
    enum json_result r = json_parse(&a, text, &root, &offset);
    if (r != JSON_REPEATED_KEY)
        require((r == JSON_OK) == oracle_text(text));
    if (r == JSON_OK) {
        check_value(root, &a, text.data, text.data + text.len);
        check_edits(root, text, &a);
        require(estimate_request(root) <= 3 * size + 800 * (size + 1));
    } else {
        require(offset <= size);
    }
    check_writing(text, &a);
    arena_done(&a);
    return 0;
}
