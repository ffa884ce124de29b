#include "base/http1_head.h"

#include <assert.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* RFC 9110, 5.6.2: "!#$%&'*+-.^_`|~", digits and letters. */
static const bool token_chars[256] = {
    ['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1, ['&'] = 1, ['\''] = 1, ['*'] = 1, ['+'] = 1,
    ['-'] = 1, ['.'] = 1, ['^'] = 1, ['_'] = 1, ['`'] = 1, ['|'] = 1,  ['~'] = 1, ['0'] = 1,
    ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1, ['5'] = 1, ['6'] = 1,  ['7'] = 1, ['8'] = 1,
    ['9'] = 1, ['a'] = 1, ['b'] = 1, ['c'] = 1, ['d'] = 1, ['e'] = 1,  ['f'] = 1, ['g'] = 1,
    ['h'] = 1, ['i'] = 1, ['j'] = 1, ['k'] = 1, ['l'] = 1, ['m'] = 1,  ['n'] = 1, ['o'] = 1,
    ['p'] = 1, ['q'] = 1, ['r'] = 1, ['s'] = 1, ['t'] = 1, ['u'] = 1,  ['v'] = 1, ['w'] = 1,
    ['x'] = 1, ['y'] = 1, ['z'] = 1, ['A'] = 1, ['B'] = 1, ['C'] = 1,  ['D'] = 1, ['E'] = 1,
    ['F'] = 1, ['G'] = 1, ['H'] = 1, ['I'] = 1, ['J'] = 1, ['K'] = 1,  ['L'] = 1, ['M'] = 1,
    ['N'] = 1, ['O'] = 1, ['P'] = 1, ['Q'] = 1, ['R'] = 1, ['S'] = 1,  ['T'] = 1, ['U'] = 1,
    ['V'] = 1, ['W'] = 1, ['X'] = 1, ['Y'] = 1, ['Z'] = 1,
};

bool http1_head_is_token_char(char c)
{
    return token_chars[(unsigned char)c];
}

int http1_head_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

void http1_head_init(struct http1_head *h, struct http1_field *fields, unsigned max_fields,
                     size_t max_bytes)
{
    assert(max_bytes <= UINT32_MAX);
    *h = (struct http1_head){.fields = fields, .max_fields = max_fields, .max_bytes = max_bytes};
}

enum http1_result http1_head_refuse(struct http1_head *h, int status, const char *why)
{
    h->status = status;
    h->why = why;
    return HTTP1_REFUSED;
}

static bool ends_text(unsigned char c, bool is_ascii)
{
    if (is_ascii)
        return c < 0x20 || c >= 0x7f;
    return (c < 0x20 && c != '\t') || c == 0x7f;
}

/* The first byte that cannot be part of a line's text, or `end`. */
static const char *skip_text(const char *p, const char *end, bool is_ascii)
{
#ifdef __SSE2__
    const __m128i last_control = _mm_set1_epi8(0x1f);
    const __m128i tab = _mm_set1_epi8('\t');
    const __m128i delete = _mm_set1_epi8(0x7f);

    for (; end - p >= 16; p += 16) {
        __m128i b = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i is_control = _mm_cmpeq_epi8(_mm_min_epu8(b, last_control), b);
        __m128i is_delete = _mm_cmpeq_epi8(b, delete);
        int stops;
        if (is_ascii)
            stops = _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(is_control, is_delete), b));
        else
            stops = _mm_movemask_epi8(
                _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(b, tab), is_control), is_delete));
        if (stops)
            return p + __builtin_ctz((unsigned)stops);
    }
#endif
    while (p < end && !ends_text((unsigned char)*p, is_ascii))
        p++;
    return p;
}

enum http1_result http1_head_line(struct http1_head *h, struct str bytes, bool is_ascii,
                                  struct http1_span *ret_line)
{
    size_t len = bytes.len < h->max_bytes ? bytes.len : h->max_bytes;
    const char *stop = skip_text(bytes.data + h->scanned, bytes.data + len, is_ascii);
    size_t at = (size_t)(stop - bytes.data);

    h->scanned = (uint32_t)at;
    if (at < len && *stop != '\r')
        return http1_head_refuse(h, 400, "the head holds a forbidden byte");
    if (at + 1 < len) {
        if (stop[1] != '\n')
            return http1_head_refuse(h, 400, "a CR is not followed by LF");
        *ret_line = (struct http1_span){h->at, (uint32_t)at - h->at};
        h->at = h->scanned = (uint32_t)at + 2;
        return HTTP1_DONE;
    }
    if (len < h->max_bytes)
        return HTTP1_MORE;
    return is_ascii ? http1_head_refuse(h, 414, "the request target is too long")
                    : http1_head_refuse(h, 431, "the header fields are too large");
}

enum http1_result http1_head_field(struct http1_head *h, struct str bytes, struct http1_span line,
                                   const struct http1_field **ret)
{
    const char *text = bytes.data + line.at;
    uint32_t name_len = 0;

    while (name_len < line.len && token_chars[(unsigned char)text[name_len]])
        name_len++;
    if (name_len == 0 || name_len == line.len || text[name_len] != ':')
        return http1_head_refuse(h, 400, "a header field is malformed");
    if (h->n_fields == h->max_fields)
        return http1_head_refuse(h, 431, "there are too many header fields");

    uint32_t from = name_len + 1, to = line.len;
    while (from < to && (text[from] == ' ' || text[from] == '\t'))
        from++;
    while (to > from && (text[to - 1] == ' ' || text[to - 1] == '\t'))
        to--;
    struct http1_field *field = &h->fields[h->n_fields++];
    *field =
        (struct http1_field){.name = {line.at, name_len}, .value = {line.at + from, to - from}};
    *ret = field;
    return HTTP1_DONE;
}

bool http1_head_length(struct str value, uint64_t *ret)
{
    uint64_t n = 0;

    if (value.len == 0 || value.len > 18 || (value.len > 1 && value.data[0] == '0'))
        return false;
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return false;
        n = n * 10 + (unsigned)(value.data[i] - '0');
    }
    *ret = n;
    return true;
}

struct str http1_head_text(struct str bytes, struct http1_span span)
{
    return (struct str){bytes.data + span.at, span.len};
}

struct str http1_head_find(const struct http1_head *h, struct str bytes, const char *name)
{
    size_t len = strlen(name);

    for (unsigned i = 0; i < h->n_fields; i++) {
        const struct http1_field *f = &h->fields[i];
        if (f->name.len == len && str_is_nocase(http1_head_text(bytes, f->name), name))
            return http1_head_text(bytes, f->value);
    }
    return (struct str){NULL, 0};
}

bool http1_head_lists(struct str value, const char *token)
{
    struct str part;

    while (str_cut(&value, ',', &part)) {
        if (str_is_nocase(str_trim(part), token))
            return true;
    }
    return false;
}

bool http1_head_is_clean(struct str name, struct str value)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!http1_head_is_token_char(name.data[i]))
            return false;
    }
    return name.len > 0 &&
           skip_text(value.data, value.data + value.len, false) == value.data + value.len;
}
