#include "fetch_head.h"

#include <string.h>

void fetch_head_init(struct fetch_head *h)
{
    *h = (struct fetch_head){0};
    buf_init(&h->text, FETCH_HEAD_MAX_BYTES);
}

void fetch_head_done(struct fetch_head *h)
{
    buf_done(&h->text);
}

void fetch_head_clear(struct fetch_head *h)
{
    buf_clear(&h->text);
    h->n_fields = h->n_interims = 0;
    h->bytes = 0;
    h->status = 0;
    h->is_done = false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200 OK", "HTTP/2 200": three digits after the first space. */
static int parse_status(struct str line)
{
    const char *space = memchr(line.data, ' ', line.len);

    if (!str_has_prefix(line, "HTTP/") || !space)
        return 0;
    size_t left = line.len - (size_t)(space + 1 - line.data);
    if (left < 3 || (left > 3 && space[4] != ' '))
        return 0;
    if (space[1] < '1' || space[1] > '9' || !is_digit(space[2]) || !is_digit(space[3]))
        return 0;
    return (space[1] - '0') * 100 + (space[2] - '0') * 10 + (space[3] - '0');
}

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.data[i];
        if (c <= ' ' || c >= 127 || strchr("\"(),/:;<=>?@[\\]{}", c))
            return false;
    }
    return s.len > 0;
}

static bool has_control(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];
        if ((c < ' ' && c != '\t') || c == 127)
            return true;
    }
    return false;
}

static enum fetch_head_result start_line(struct fetch_head *h, struct str line)
{
    h->status = parse_status(line);
    /* 101 answers a question that was never asked. */
    return h->status == 0 || h->status == 101 ? FETCH_HEAD_INVALID : FETCH_HEAD_MORE;
}

static enum fetch_head_result empty_line(struct fetch_head *h)
{
    if (h->status >= 200) {
        h->is_done = true;
        return FETCH_HEAD_DONE;
    }
    if (++h->n_interims > FETCH_HEAD_MAX_INTERIMS)
        return FETCH_HEAD_INVALID;
    h->status = 0;
    h->n_fields = 0;
    buf_clear(&h->text);
    return FETCH_HEAD_MORE;
}

static enum fetch_head_result field_line(struct fetch_head *h, struct str line)
{
    const char *colon = memchr(line.data, ':', line.len);
    if (!colon || h->n_fields == FETCH_HEAD_MAX_FIELDS)
        return FETCH_HEAD_INVALID;

    struct str name = {line.data, (size_t)(colon - line.data)};
    struct str value = str_trim((struct str){colon + 1, line.len - name.len - 1});
    if (!is_name(name) || has_control(value))
        return FETCH_HEAD_INVALID;

    struct str earlier = fetch_head_find(h, "content-length");
    if (earlier.data && str_is_nocase(name, "content-length") && !str_equal(earlier, value))
        return FETCH_HEAD_INVALID;

    uint32_t at = (uint32_t)h->text.len;
    if (buf_add_str(&h->text, name) != BUF_OK || buf_add_str(&h->text, value) != BUF_OK)
        return FETCH_HEAD_INVALID;
    h->fields[h->n_fields++] = (struct fetch_head_field){
        .name_at = at,
        .name_len = (uint32_t)name.len,
        .value_at = at + (uint32_t)name.len,
        .value_len = (uint32_t)value.len,
    };
    return FETCH_HEAD_MORE;
}

enum fetch_head_result fetch_head_add(struct fetch_head *h, struct str line)
{
    h->bytes += line.len;
    if (h->bytes > FETCH_HEAD_MAX_BYTES)
        return FETCH_HEAD_INVALID;
    if (h->is_done)
        return FETCH_HEAD_TRAILER;
    if (line.len < 2 || line.data[line.len - 2] != '\r' || line.data[line.len - 1] != '\n')
        return FETCH_HEAD_INVALID;

    line.len -= 2;
    if (h->status == 0)
        return start_line(h, line);
    return line.len == 0 ? empty_line(h) : field_line(h, line);
}

struct str fetch_head_find(const struct fetch_head *h, const char *name)
{
    for (unsigned i = 0; i < h->n_fields; i++) {
        const struct fetch_head_field *f = &h->fields[i];
        if (str_is_nocase((struct str){h->text.data + f->name_at, f->name_len}, name))
            return (struct str){h->text.data + f->value_at, f->value_len};
    }
    return (struct str){NULL, 0};
}
