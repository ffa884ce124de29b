#include "base/json.h"

#include "base/json_keys.h"
#include "base/parse.h"
#include "base/utf8.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

/* yajl finds the tokens; a token's place in the text is the gap after the one before it, up to
 * the number of bytes yajl has consumed. */
struct index {
    struct arena *a;
    struct str text;
    yajl_handle yajl;
    size_t at;               /* end of the last token */
    bool is_last_number;     /* yajl was told that the text has ended */
    enum json_result result; /* why a callback stopped the parser */
    size_t error_at;
    struct json_value *spare; /* nodes not yet in use */
    size_t n_spare;
    const struct json_value *root;
    const struct json_value **link; /* where the next value will be hung */
    struct str key, key_raw;        /* of the member whose value is next */
    size_t depth;
    struct json_value *open[JSON_MAX_DEPTH];
};

static int stop(struct index *x, enum json_result result, size_t at)
{
    x->result = result;
    x->error_at = at;
    return 0;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* yajl takes form feed and vertical tab for white space, so the gaps are checked here. */
static bool next_token(struct index *x, struct str *ret)
{
    size_t end = x->is_last_number ? x->text.len : yajl_get_bytes_consumed(x->yajl);
    size_t start = x->at;

    while (start < end && (is_space(x->text.data[start]) || x->text.data[start] == ',' ||
                           x->text.data[start] == ':'))
        start++;
    if (start == end || x->text.data[start] == '\f' || x->text.data[start] == '\v')
        return stop(x, JSON_SYNTAX, start);
    *ret = (struct str){x->text.data + start, end - start};
    x->at = end;
    return true;
}

static struct json_value *new_node(struct index *x)
{
    if (x->n_spare == 0) {
        size_t n = (x->text.len - x->at) / 32;
        n = n < 4 ? 4 : n > 64 ? 64 : n;
        x->spare = arena_alloc(x->a, n * sizeof(*x->spare));
        if (!x->spare)
            return NULL;
        x->n_spare = n;
    }
    x->n_spare--;
    return x->spare++;
}

/* A node for the value at the token just read, hung into the tree. */
static struct json_value *add_value(struct index *x, enum json_type type)
{
    struct str raw;

    if (!next_token(x, &raw))
        return NULL;
    struct json_value *v = new_node(x);
    if (!v) {
        stop(x, JSON_TOO_BIG, (size_t)(raw.data - x->text.data));
        return NULL;
    }
    v->type = type;
    v->raw = raw;
    v->key = x->key;
    v->key_raw = x->key_raw;
    x->key = x->key_raw = STR_EMPTY;
    if (x->depth > 0)
        x->open[x->depth - 1]->n_children++;
    *x->link = v;
    x->link = &v->next;
    return v;
}

static int on_null(void *arg)
{
    return add_value(arg, JSON_NULL) != NULL;
}

static int on_boolean(void *arg, int value)
{
    return add_value(arg, value ? JSON_TRUE : JSON_FALSE) != NULL;
}

static int on_number(void *arg, const char *text, size_t len)
{
    (void)text;
    (void)len;
    return add_value(arg, JSON_NUMBER) != NULL;
}

/* Four digits that yajl has seen to be hexadecimal. */
static uint32_t hex4(const char *p)
{
    uint64_t n;

    return parse_hex((struct str){p, 4}, &n) ? (uint32_t)n : 0;
}

/* The code point of the escape \uXXXX, or of the pair of them, at `p`; 0 when it is no character
 * (U+0000 is none here). */
static uint32_t unicode_escape(const char *p, const char *end)
{
    uint32_t code = hex4(p + 2);

    if (code < 0xd800 || code > 0xdfff)
        return code;
    if (code > 0xdbff || end - p < 12 || p[6] != '\\' || p[7] != 'u')
        return 0;
    uint32_t low = hex4(p + 8);
    return low < 0xdc00 || low > 0xdfff ? 0 : 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
}

static bool check_escapes(struct index *x, struct str raw)
{
    const char *end = raw.data + raw.len;

    for (const char *p = raw.data; (p = memchr(p, '\\', (size_t)(end - p)));) {
        uint32_t code = p[1] == 'u' ? unicode_escape(p, end) : 'x';
        if (code == 0)
            return stop(x, JSON_UTF8, (size_t)(p - x->text.data));
        p += p[1] != 'u' ? 2 : code > 0xffff ? 12 : 6;
    }
    return true;
}

/* Every escape is longer than what it stands for. */
static bool has_escapes(struct str raw, size_t decoded_len)
{
    return decoded_len != raw.len - 2;
}

static int on_string(void *arg, const unsigned char *decoded, size_t len)
{
    struct index *x = arg;
    const struct json_value *v = add_value(x, JSON_STRING);

    (void)decoded;
    return v && (!has_escapes(v->raw, len) || check_escapes(x, v->raw));
}

static int on_key(void *arg, const unsigned char *decoded, size_t len)
{
    struct index *x = arg;

    if (!next_token(x, &x->key_raw))
        return 0;
    x->key = (struct str){x->key_raw.data + 1, len};
    if (!has_escapes(x->key_raw, len))
        return 1;
    if (!check_escapes(x, x->key_raw))
        return 0;
    x->key.data = arena_copy(x->a, (struct str){(const char *)decoded, len});
    return x->key.data || stop(x, JSON_TOO_BIG, (size_t)(x->key_raw.data - x->text.data));
}

static int open_container(struct index *x, enum json_type type)
{
    struct json_value *v = add_value(x, type);

    if (!v)
        return 0;
    if (x->depth == JSON_MAX_DEPTH)
        return stop(x, JSON_DEPTH, (size_t)(v->raw.data - x->text.data));
    x->open[x->depth++] = v;
    x->link = &v->child;
    return 1;
}

static int on_start_map(void *arg)
{
    return open_container(arg, JSON_OBJECT);
}

static int on_start_array(void *arg)
{
    return open_container(arg, JSON_ARRAY);
}

static struct json_value *close_container(struct index *x)
{
    struct str raw;

    if (!next_token(x, &raw))
        return NULL;
    struct json_value *v = x->open[--x->depth];
    v->raw.len = (size_t)(raw.data + raw.len - v->raw.data);
    x->link = &v->next;
    return v;
}

static int on_end_array(void *arg)
{
    return close_container(arg) != NULL;
}

static int on_end_map(void *arg)
{
    struct index *x = arg;
    const struct json_value *object = close_container(x);

    if (!object)
        return 0;
    const struct json_value *again = json_keys_find_repeated(object);
    return !again || stop(x, JSON_REPEATED_KEY, (size_t)(again->key_raw.data - x->text.data));
}

static void free_yajl(yajl_handle *yajl)
{
    yajl_free(*yajl);
}

static enum json_result run(struct index *x)
{
    static const yajl_callbacks callbacks = {
        .yajl_null = on_null,
        .yajl_boolean = on_boolean,
        .yajl_number = on_number,
        .yajl_string = on_string,
        .yajl_map_key = on_key,
        .yajl_start_map = on_start_map,
        .yajl_end_map = on_end_map,
        .yajl_start_array = on_start_array,
        .yajl_end_array = on_end_array,
    };
    CLEANUP(free_yajl) yajl_handle yajl = yajl_alloc(&callbacks, NULL, x);

    if (!yajl)
        abort();
    x->yajl = yajl;
    yajl_config(yajl, yajl_dont_validate_strings, 1); /* done before, and better */
    yajl_status status = yajl_parse(yajl, (const unsigned char *)x->text.data, x->text.len);
    if (status == yajl_status_error)
        x->error_at = yajl_get_bytes_consumed(yajl);
    if (status == yajl_status_ok) {
        x->is_last_number = true;
        status = yajl_complete_parse(yajl);
        x->error_at = x->text.len;
    }
    if (status == yajl_status_client_canceled)
        return x->result;
    return status == yajl_status_ok ? JSON_OK : JSON_SYNTAX;
}

/* Only white space may follow the last token, and form feed is none. */
static bool check_tail(struct index *x)
{
    while (x->at < x->text.len && is_space(x->text.data[x->at]))
        x->at++;
    return x->at == x->text.len || stop(x, JSON_SYNTAX, x->at);
}

enum json_result json_parse(struct arena *a, struct str text, const struct json_value **ret,
                            size_t *reterr_offset)
{
    struct index x = {.a = a, .text = text, .key = STR_EMPTY, .key_raw = STR_EMPTY};

    x.link = &x.root;
    x.error_at = utf8_valid_length(text.data, text.len);
    if (x.error_at < text.len)
        x.result = JSON_UTF8;
    else
        x.result = run(&x);
    if (x.result == JSON_OK && !check_tail(&x))
        x.result = JSON_SYNTAX;
    if (x.result == JSON_OK)
        *ret = x.root;
    else
        *reterr_offset = x.error_at;
    return x.result;
}

const char *json_result_text(enum json_result r)
{
    switch (r) {
    case JSON_OK:
        return "valid JSON";
    case JSON_SYNTAX:
        return "not valid JSON";
    case JSON_UTF8:
        return "not valid UTF-8, or an escape that is no character";
    case JSON_DEPTH:
        return "nested too deeply";
    case JSON_REPEATED_KEY:
        return "the same key twice in one object";
    case JSON_TOO_BIG:
        return "too many values";
    }
    return "unknown";
}

bool json_is(const struct json_value *v, enum json_type type)
{
    return v && v->type == type;
}

static const struct json_value *find_member(const struct json_value *object, struct str key)
{
    if (!json_is(object, JSON_OBJECT))
        return NULL;
    for (const struct json_value *m = object->child; m; m = m->next) {
        if (str_equal(m->key, key))
            return m;
    }
    return NULL;
}

const struct json_value *json_get(const struct json_value *object, const char *key)
{
    return find_member(object, str_from(key));
}

static const struct json_value *find_element(const struct json_value *array, struct str index)
{
    uint64_t n;

    if (!json_is(array, JSON_ARRAY) || !parse_u64(index, &n) || n >= array->n_children)
        return NULL;
    const struct json_value *element = array->child;
    while (n-- > 0)
        element = element->next;
    return element;
}

const struct json_value *json_at(const struct json_value *from, const char *path)
{
    struct str rest = str_from(path), step;

    while (from && str_cut(&rest, '.', &step))
        from = from->type == JSON_ARRAY ? find_element(from, step) : find_member(from, step);
    return from;
}

static size_t put_utf8(char *to, uint32_t code)
{
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    size_t n = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, code >>= 6)
        to[i] = (char)(0x80 | (code & 0x3f));
    to[0] = (char)((0xf00U >> n & 0xff) | code);
    return n;
}

/* Decode the escape at *p, which was checked when the text was parsed, and step over it. */
static size_t put_escape(char *to, const char **p, const char *end)
{
    char c = (*p)[1];

    if (c == 'u') {
        uint32_t code = unicode_escape(*p, end);
        *p += code > 0xffff ? 12 : 6;
        return put_utf8(to, code);
    }
    *p += 2;
    switch (c) {
    case 'b':
        *to = '\b';
        break;
    case 'f':
        *to = '\f';
        break;
    case 'n':
        *to = '\n';
        break;
    case 'r':
        *to = '\r';
        break;
    case 't':
        *to = '\t';
        break;
    default: /* the quote, the slash, the backslash */
        *to = c;
        break;
    }
    return 1;
}

bool json_string(const struct json_value *v, struct arena *a, struct str *ret)
{
    if (!json_is(v, JSON_STRING))
        return false;

    struct str spelled = {v->raw.data + 1, v->raw.len - 2};
    const char *p = spelled.data, *end = p + spelled.len;
    const char *escape = memchr(p, '\\', spelled.len);
    if (!escape) {
        *ret = spelled;
        return true;
    }
    char *decoded = arena_alloc(a, spelled.len);
    if (!decoded)
        return false;
    char *to = decoded;
    while (escape) {
        memcpy(to, p, (size_t)(escape - p));
        to += escape - p;
        p = escape;
        to += put_escape(to, &p, end);
        escape = memchr(p, '\\', (size_t)(end - p));
    }
    memcpy(to, p, (size_t)(end - p));
    to += end - p;
    *ret = (struct str){decoded, (size_t)(to - decoded)};
    return true;
}

static struct str without_minus(struct str raw)
{
    return raw.data[0] == '-' ? (struct str){raw.data + 1, raw.len - 1} : raw;
}

bool json_int(const struct json_value *v, int64_t *ret)
{
    uint64_t n;

    if (!json_is(v, JSON_NUMBER) || !parse_u64(without_minus(v->raw), &n))
        return false;
    bool is_negative = v->raw.data[0] == '-';
    if (n > (uint64_t)INT64_MAX + is_negative)
        return false;
    *ret = is_negative ? (int64_t)-n : (int64_t)n;
    return true;
}

bool json_number(const struct json_value *v, double *ret)
{
    double d;

    if (!json_is(v, JSON_NUMBER) || !parse_double(without_minus(v->raw), &d))
        return false;
    *ret = v->raw.data[0] == '-' ? -d : d;
    return true;
}

bool json_bool(const struct json_value *v, bool *ret)
{
    if (!json_is(v, JSON_TRUE) && !json_is(v, JSON_FALSE))
        return false;
    *ret = v->type == JSON_TRUE;
    return true;
}
