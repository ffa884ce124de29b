#include "sim_http.h"

#include "base/parse.h"

#include <string.h>

static struct str without_cr(struct str line)
{
    if (line.len > 0 && line.data[line.len - 1] == '\r')
        line.len--;
    return line;
}

static bool read_request_line(struct str line, struct sim_http_request *r)
{
    struct str target, path;

    if (!str_cut(&line, ' ', &r->method) || !str_cut(&line, ' ', &target))
        return false;
    if (!line.data || !str_has_prefix(line, "HTTP/1."))
        return false;
    r->is_last = str_is(line, "HTTP/1.0");
    if (!str_cut(&target, '?', &path))
        return false;
    r->path = path;
    r->query = target.data ? target : STR_EMPTY;
    return true;
}

static bool read_field(struct str line, struct sim_http_request *r)
{
    struct sim_http_field *f = &r->fields[r->n_fields];

    if (r->n_fields == SIM_HTTP_MAX_FIELDS || !str_cut(&line, ':', &f->name) || !line.data)
        return false;
    f->value = str_trim(line);
    r->n_fields++;
    return true;
}

static bool read_head(struct sim_http_request *r)
{
    struct str rest = r->head, line;

    r->n_fields = 0;
    if (!str_cut(&rest, '\n', &line) || !read_request_line(without_cr(line), r))
        return false;
    while (str_cut(&rest, '\n', &line)) {
        line = without_cr(line);
        if (line.len == 0)
            return true;
        if (!read_field(line, r))
            return false;
    }
    return false;
}

enum sim_http_result sim_http_parse(struct str bytes, struct sim_http_request *ret)
{
    size_t window = bytes.len < SIM_HTTP_MAX_HEAD ? bytes.len : SIM_HTTP_MAX_HEAD;
    const char *end = window > 0 ? memmem(bytes.data, window, "\r\n\r\n", 4) : NULL;
    if (!end)
        return bytes.len < SIM_HTTP_MAX_HEAD ? SIM_HTTP_MORE : SIM_HTTP_BAD;

    ret->head = (struct str){bytes.data, (size_t)(end - bytes.data) + 4};
    if (!read_head(ret) || sim_http_header(ret, "transfer-encoding").data)
        return SIM_HTTP_BAD;

    uint64_t length = 0;
    struct str value = sim_http_header(ret, "content-length");
    if (value.data && (!parse_u64(value, &length) || length > SIM_HTTP_MAX_BODY))
        return SIM_HTTP_BAD;
    if (length > bytes.len - ret->head.len)
        return SIM_HTTP_MORE;
    ret->body = (struct str){bytes.data + ret->head.len, (size_t)length};
    if (str_is_nocase(sim_http_header(ret, "connection"), "close"))
        ret->is_last = true;
    return SIM_HTTP_OK;
}

struct str sim_http_header(const struct sim_http_request *r, const char *name)
{
    for (size_t i = 0; i < r->n_fields; i++)
        if (str_is_nocase(r->fields[i].name, name))
            return r->fields[i].value;
    return (struct str){NULL, 0};
}

struct str sim_http_query(const struct sim_http_request *r, const char *name)
{
    struct str rest = r->query, pair, key;

    while (str_cut(&rest, '&', &pair)) {
        bool has_value = pair.len > 0 && memchr(pair.data, '=', pair.len) != NULL;
        if (str_cut(&pair, '=', &key) && str_is(key, name))
            return has_value ? pair : STR_EMPTY;
    }
    return (struct str){NULL, 0};
}

struct str sim_http_decode(struct arena *a, struct str text)
{
    char *decoded = arena_copy(a, text);
    size_t n = 0;

    if (!decoded)
        return STR_EMPTY;
    for (size_t i = 0; i < text.len; i++, n++) {
        uint64_t code;
        bool is_code = text.data[i] == '%' && i + 2 < text.len &&
                       parse_hex((struct str){text.data + i + 1, 2}, &code);
        decoded[n] = is_code ? (char)code : text.data[i];
        i += is_code ? 2 : 0;
    }
    return (struct str){decoded, n};
}
