#include "base/json.h"

#include "base/json_escape.h"
#include "base/json_keys.h"
#include "base/parse.h"
#include "base/utf8.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#define LONG_STRING 64

/* yajl finds the tokens; a token's place in the text is the gap after the one before it, up to
 * the number of bytes yajl has consumed. */
struct index {
    struct arena *a;
    struct str text;
    yajl_handle yajl;
    size_t at;               /* end of the last token */
    size_t fed;              /* where the piece that yajl works on begins */
    bool has_ended;          /* yajl was told so: what it finds now is a number at the end */
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

static bool is_separator(char c)
{
    return c == ',' || c == ':';
}

/* The first byte after the last token that could belong to the next. */
static size_t skip_gap(const struct index *x)
{
    size_t at = x->at;

    while (at < x->text.len && (is_space(x->text.data[at]) || is_separator(x->text.data[at])))
        at++;
    return at;
}

/* yajl takes form feed and vertical tab for white space, so the gaps are checked here. */
static bool next_token(struct index *x, struct str *ret)
{
    size_t end = x->has_ended ? x->text.len : x->fed + yajl_get_bytes_consumed(x->yajl);
    size_t start = skip_gap(x);

    if (start >= end || x->text.data[start] == '\f' || x->text.data[start] == '\v')
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

static int on_string(void *arg, const unsigned char *shown, size_t len)
{
    (void)shown;
    (void)len;
    return add_value(arg, JSON_STRING) != NULL;
}

/* What stands between the quotes, decoded: in place when nothing is escaped. */
static bool decode(struct arena *a, struct str inner, struct str *ret)
{
    if (!memchr(inner.data, '\\', inner.len)) {
        *ret = inner;
        return true;
    }
    char *decoded = arena_alloc(a, inner.len);
    if (!decoded)
        return false;
    *ret = (struct str){decoded, json_escape_decode(inner, decoded)};
    return true;
}

static int on_key(void *arg, const unsigned char *shown, size_t len)
{
    struct index *x = arg;

    (void)shown;
    (void)len;
    if (!next_token(x, &x->key_raw))
        return 0;
    return decode(x->a, (struct str){x->key_raw.data + 1, x->key_raw.len - 2}, &x->key) ||
           stop(x, JSON_TOO_BIG, (size_t)(x->key_raw.data - x->text.data));
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

/* Show yajl the text from x->fed up to `end`. */
static bool feed_up_to(struct index *x, size_t end)
{
    const unsigned char *from = (const unsigned char *)x->text.data + x->fed;
    yajl_status status = yajl_parse(x->yajl, from, end - x->fed);

    if (status == yajl_status_error) { /* over a separator, or the token after it */
        size_t last = x->fed + yajl_get_bytes_consumed(x->yajl) - 1;
        stop(x, JSON_SYNTAX,
             last < x->text.len && is_separator(x->text.data[last]) ? last : skip_gap(x));
    }
    x->fed = end;
    return status == yajl_status_ok;
}

static bool complete(struct index *x)
{
    x->has_ended = true;
    yajl_status status = yajl_complete_parse(x->yajl);
    if (status == yajl_status_error)
        stop(x, JSON_SYNTAX, x->text.len);
    return status == yajl_status_ok;
}

/* yajl goes through a string byte by byte and decodes what nobody asked for. So every string is
 * checked here, and of a long one yajl is shown only the quotes. */
static bool feed(struct index *x)
{
    const char *text = x->text.data, *end = text + x->text.len, *quote = text;
    size_t closing, error_at = 0;

    while (quote < end && (quote = memchr(quote, '"', (size_t)(end - quote)))) {
        size_t at = (size_t)(quote - text) + 1;
        enum json_result r = json_escape_find_end(x->text, at, &closing, &error_at);
        if (r != JSON_OK)
            return feed_up_to(x, at) && stop(x, r, error_at);
        if (closing - at >= LONG_STRING) {
            if (!feed_up_to(x, at))
                return false;
            x->fed = closing;
        }
        quote = text + closing + 1;
    }
    return feed_up_to(x, x->text.len) && complete(x);
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
    return feed(x) ? JSON_OK : x->result;
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

    if (text.len == 0)
        x.text = STR_EMPTY;
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

bool json_string(const struct json_value *v, struct arena *a, struct str *ret)
{
    if (!json_is(v, JSON_STRING))
        return false;

    return decode(a, (struct str){v->raw.data + 1, v->raw.len - 2}, ret);
}

struct str json_text(const struct json_value *v, struct arena *a)
{
    struct str text;

    return json_string(v, a, &text) ? text : STR_EMPTY;
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
