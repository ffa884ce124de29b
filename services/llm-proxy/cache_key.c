#include "cache_key.h"

#include "base/parse.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MAX_EXPONENT 1000000000

struct writer {
    struct arena *scratch;
    struct buf *text;
    bool is_full;
};

static void add_bytes(struct writer *w, const void *bytes, size_t n)
{
    if (buf_add(w->text, bytes, n) != BUF_OK)
        w->is_full = true;
}

/* Kind and length, in front of every piece: 7 bits a byte, the highest says that more follow. */
static void add_head(struct writer *w, char kind, uint64_t n)
{
    unsigned char head[11] = {(unsigned char)kind};
    size_t len = 1;

    while (n >= 0x80) {
        head[len++] = (unsigned char)(n | 0x80);
        n >>= 7;
    }
    head[len++] = (unsigned char)n;
    add_bytes(w, head, len);
}

static void add_text(struct writer *w, char kind, struct str s)
{
    add_head(w, kind, s.len);
    add_bytes(w, s.data, s.len);
}

/* The text cut at its exponent. False when that is beyond reason. */
static bool split_exponent(struct str number, struct str *ret_mantissa, int64_t *ret_exponent)
{
    size_t at = 0;
    uint64_t n;

    while (at < number.len && (number.data[at] | 0x20) != 'e')
        at++;
    *ret_mantissa = (struct str){number.data, at};
    *ret_exponent = 0;
    if (at == number.len)
        return true;

    struct str digits = {number.data + at + 1, number.len - at - 1};
    bool is_negative = digits.data[0] == '-';
    if (is_negative || digits.data[0] == '+')
        digits = (struct str){digits.data + 1, digits.len - 1};
    if (!parse_u64(digits, &n) || n > MAX_EXPONENT)
        return false;
    *ret_exponent = is_negative ? -(int64_t)n : (int64_t)n;
    return true;
}

/* Digits without point, leading and trailing zeros; *exponent says where the point is. */
static size_t strip(struct str mantissa, char *ret_digits, int64_t *exponent)
{
    size_t n = 0;
    bool after_point = false;

    for (size_t i = 0; i < mantissa.len; i++) {
        char c = mantissa.data[i];
        if (c == '.') {
            after_point = true;
            continue;
        }
        if (after_point)
            (*exponent)--;
        if (c != '0' || n > 0)
            ret_digits[n++] = c;
    }
    while (n > 0 && ret_digits[n - 1] == '0') {
        n--;
        (*exponent)++;
    }
    if (n == 0)
        *exponent = 0;
    return n;
}

static void add_number(struct writer *w, struct str raw)
{
    bool is_negative = raw.data[0] == '-';
    struct str number = is_negative ? (struct str){raw.data + 1, raw.len - 1} : raw, mantissa;
    int64_t exponent;

    char *digits = arena_alloc(w->scratch, number.len);
    if (!digits || !split_exponent(number, &mantissa, &exponent)) {
        add_text(w, '#', raw); /* as spelled: at worst a question is asked twice */
        return;
    }
    size_t n = strip(mantissa, digits, &exponent);
    add_head(w, is_negative && n > 0 ? '-' : '+', n);
    add_bytes(w, digits, n);
    add_bytes(w, &exponent, sizeof(exponent));
}

static int by_key(const void *a, const void *b)
{
    const struct json_value *x = *(const struct json_value *const *)a;
    const struct json_value *y = *(const struct json_value *const *)b;
    size_t n = x->key.len < y->key.len ? x->key.len : y->key.len;
    int order = n > 0 ? memcmp(x->key.data, y->key.data, n) : 0;

    if (order != 0)
        return order;
    return x->key.len < y->key.len ? -1 : x->key.len > y->key.len;
}

static bool is_left_out(const struct json_value *member)
{
    return str_is(member->key, "model") || str_is(member->key, "stream");
}

static void add_value(struct writer *w, const struct json_value *v);

static void add_object(struct writer *w, const struct json_value *v, bool is_root)
{
    const struct json_value **members =
        arena_alloc(w->scratch, (v->n_children + 1) * sizeof(const struct json_value *));
    size_t n = 0;

    if (!members) {
        w->is_full = true;
        return;
    }
    for (const struct json_value *m = v->child; m; m = m->next)
        if (!is_root || !is_left_out(m))
            members[n++] = m;
    qsort(members, n, sizeof(members[0]), by_key);
    add_head(w, '{', n);
    for (size_t i = 0; i < n && !w->is_full; i++) {
        add_text(w, 'k', members[i]->key);
        add_value(w, members[i]);
    }
}

static void add_string(struct writer *w, const struct json_value *v)
{
    struct str s;

    if (json_string(v, w->scratch, &s))
        add_text(w, '"', s);
    else
        w->is_full = true;
}

static void add_value(struct writer *w, const struct json_value *v)
{
    switch (v->type) {
    case JSON_NULL:
        add_head(w, 'n', 0);
        break;
    case JSON_FALSE:
        add_head(w, 'f', 0);
        break;
    case JSON_TRUE:
        add_head(w, 't', 0);
        break;
    case JSON_NUMBER:
        add_number(w, v->raw);
        break;
    case JSON_STRING:
        add_string(w, v);
        break;
    case JSON_ARRAY:
        add_head(w, '[', v->n_children);
        for (const struct json_value *e = v->child; e && !w->is_full; e = e->next)
            add_value(w, e);
        break;
    case JSON_OBJECT:
        add_object(w, v, false);
        break;
    }
}

enum cache_key_result cache_key_make(const struct cache_key_parts *p, struct arena *scratch,
                                     struct buf *text, struct cache_key *ret)
{
    struct writer w = {.scratch = scratch, .text = text};

    buf_clear(text);
    add_text(&w, 'v', STR("1")); /* of this scheme: a change must not find older answers */
    add_text(&w, 's', p->scope_kind);
    add_text(&w, 's', p->scope);
    add_text(&w, 'e', p->endpoint);
    add_head(&w, p->is_stream ? 'S' : 'W', p->n_also);
    for (size_t i = 0; i < p->n_also; i++)
        add_text(&w, 'a', p->also[i]);
    add_object(&w, p->body, true);
    if (w.is_full)
        return CACHE_KEY_TOO_BIG;
    digest_sha256(buf_str(text), ret->bytes);
    return CACHE_KEY_OK;
}

bool cache_key_equal(const struct cache_key *a, const struct cache_key *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}
