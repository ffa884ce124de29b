#include "base/multipart.h"

#include <string.h>

#define FORM "multipart/form-data"

bool multipart_is_form(struct str content_type)
{
    return str_has_prefix_nocase(content_type, FORM) &&
           (content_type.len == sizeof(FORM) - 1 ||
            strchr("; \t", content_type.data[sizeof(FORM) - 1]));
}

static bool is_boundary_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("'()+_,-./:=? ", c));
}

static bool is_boundary(struct str s)
{
    if (s.len == 0 || s.len > MULTIPART_MAX_BOUNDARY || s.data[s.len - 1] == ' ')
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!is_boundary_char(s.data[i]))
            return false;
    return true;
}

/* The value of a parameter behind a first ';': a token, or a string in quotes without escapes.
 * False when it is not there once. */
static bool find_parameter(struct str header, const char *name, struct str *ret)
{
    size_t n_found = 0;
    struct str rest = header, first;

    str_cut(&rest, ';', &first);
    while (rest.len > 0) {
        const char *equals = memchr(rest.data, '=', rest.len);
        if (!equals)
            return false;
        struct str key = str_trim((struct str){rest.data, (size_t)(equals - rest.data)});
        rest = (struct str){equals + 1, rest.len - (size_t)(equals + 1 - rest.data)};
        struct str value;
        if (rest.len > 0 && rest.data[0] == '"') {
            const char *quote = memchr(rest.data + 1, '"', rest.len - 1);
            if (!quote || memchr(rest.data, '\\', (size_t)(quote - rest.data)))
                return false;
            value = (struct str){rest.data + 1, (size_t)(quote - rest.data) - 1};
            rest = str_trim((struct str){quote + 1, rest.len - (size_t)(quote + 1 - rest.data)});
            if (rest.len > 0 && rest.data[0] != ';')
                return false;
            if (rest.len > 0)
                rest = (struct str){rest.data + 1, rest.len - 1};
        } else {
            str_cut(&rest, ';', &value);
            value = str_trim(value);
        }
        if (str_is_nocase(key, name)) {
            *ret = value;
            n_found++;
        }
    }
    return n_found == 1;
}

enum multipart_result multipart_init(struct multipart *m, struct str content_type, struct str body)
{
    struct str boundary;

    *m = (struct multipart){.body = body};
    if (!multipart_is_form(content_type) || !find_parameter(content_type, "boundary", &boundary) ||
        !is_boundary(boundary))
        return MULTIPART_INVALID;
    memcpy(m->delimiter, "\r\n--", 4);
    memcpy(m->delimiter + 4, boundary.data, boundary.len);
    if (!str_has_prefix(body, m->delimiter + 2))
        return MULTIPART_INVALID;
    m->at = strlen(m->delimiter) - 2;
    return MULTIPART_OK;
}

static bool take(struct multipart *m, const char *text)
{
    size_t len = strlen(text);

    if (m->body.len - m->at < len || memcmp(m->body.data + m->at, text, len) != 0)
        return false;
    m->at += len;
    return true;
}

/* "Content-Disposition: form-data; name=…", once. */
static bool read_head(struct str head, struct str *ret_name)
{
    bool has_name = false;

    while (head.len > 0) {
        const char *end = memmem(head.data, head.len, "\r\n", 2);
        struct str line = {head.data, end ? (size_t)(end - head.data) : head.len};
        head = end ? (struct str){end + 2, head.len - line.len - 2} : (struct str){"", 0};
        const char *colon = memchr(line.data, ':', line.len);
        if (!colon || colon == line.data || memchr(line.data, '\0', line.len) ||
            memchr(line.data, '\n', line.len) || memchr(line.data, '\r', line.len) ||
            line.data[0] == ' ' || line.data[0] == '\t')
            return false;
        struct str name = {line.data, (size_t)(colon - line.data)};
        struct str value = str_trim((struct str){colon + 1, line.len - name.len - 1});
        if (!str_is_nocase(name, "content-disposition"))
            continue;
        if (has_name || !str_has_prefix_nocase(value, "form-data") ||
            !find_parameter(value, "name", ret_name))
            return false;
        has_name = true;
    }
    return has_name;
}

enum multipart_result multipart_next(struct multipart *m, struct multipart_part *ret)
{
    if (take(m, "--"))
        return m->at == m->body.len || take(m, "\r\n") ? MULTIPART_END : MULTIPART_INVALID;
    if (!take(m, "\r\n") || m->n_parts++ == MULTIPART_MAX_PARTS)
        return MULTIPART_INVALID;

    const char *from = m->body.data + m->at, *end = m->body.data + m->body.len;
    size_t room = (size_t)(end - from) < MULTIPART_MAX_HEAD ? (size_t)(end - from)
                                                            : (size_t)MULTIPART_MAX_HEAD;
    const char *head_end = memmem(from, room, "\r\n\r\n", 4);
    if (!head_end || !read_head((struct str){from, (size_t)(head_end - from)}, &ret->name))
        return MULTIPART_INVALID;
    const char *content = head_end + 4;
    const char *next =
        memmem(head_end + 2, (size_t)(end - head_end) - 2, m->delimiter, strlen(m->delimiter));
    if (!next)
        return MULTIPART_INVALID;
    if (next < content) /* an empty part: its delimiter begins with the end of the head */
        return MULTIPART_INVALID;
    ret->content = (struct str){content, (size_t)(next - content)};
    m->at = (size_t)(next - m->body.data) + strlen(m->delimiter);
    return MULTIPART_OK;
}
