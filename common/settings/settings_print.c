#include "settings/settings_scalar.h"

#include <string.h>

static const void *at(const void *base, size_t offset)
{
    return (const char *)base + offset;
}

static size_t count_of(const struct settings_row *row, const void *base)
{
    return *(const size_t *)at(base, row->count_offset);
}

static bool is_absent(const struct settings_row *row, const void *base)
{
    if (row->type == SETTINGS_TEXTS || row->type == SETTINGS_LIST)
        return count_of(row, base) == 0;
    if (row->type != SETTINGS_MAP && row->type != SETTINGS_SECRET)
        return settings_scalar_is_absent(row, base);

    const void *inner = row->type == SETTINGS_SECRET ? at(base, row->offset) : base;
    for (const struct settings_row *child = row->rows; child->name; child++)
        if (!is_absent(child, inner))
            return false;
    return true;
}

static bool ends_with(struct str s, const char *end)
{
    size_t n = strlen(end);

    return s.len >= n && memcmp(s.data + s.len - n, end, n) == 0;
}

/* "--api-key", "--hf-token" … of a worker's command line. */
static bool is_secret_option(struct str name)
{
    return str_has_prefix(name, "-") && (ends_with(name, "key") || ends_with(name, "token") ||
                                         ends_with(name, "secret") || ends_with(name, "password"));
}

static enum buf_result print_text(const char *text, bool is_secret, struct buf *out)
{
    const char *equals = strchr(text, '=');

    if (is_secret)
        return buf_printf(out, "\"<redacted>\"");
    if (equals && is_secret_option((struct str){text, (size_t)(equals - text)}))
        return buf_printf(out, "\"%.*s=<redacted>\"", (int)(equals - text), text);
    return settings_scalar_quote(text, out);
}

static enum buf_result print_texts(const char *const *texts, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        bool is_secret = i > 0 && is_secret_option(str_from(texts[i - 1]));
        if (buf_printf(out, "%s", i == 0 ? "[" : ", ") == BUF_FULL ||
            print_text(texts[i], is_secret, out) == BUF_FULL)
            return BUF_FULL;
    }
    return buf_printf(out, "]\n");
}

static enum buf_result print_rows(const struct settings_row *rows, const void *base,
                                  unsigned indent, struct buf *out);

static enum buf_result print_list(const struct settings_row *row, const void *base, unsigned indent,
                                  struct buf *out)
{
    const char *items = *(const char *const *)at(base, row->offset);

    for (size_t i = 0; i < count_of(row, base); i++) {
        size_t start = out->len;
        if (print_rows(row->rows, items + i * row->item_size, indent + 2, out) == BUF_FULL)
            return BUF_FULL;
        out->data[start + indent] = '-';
    }
    return BUF_OK;
}

static enum buf_result print_row(const struct settings_row *row, const void *base, unsigned indent,
                                 struct buf *out)
{
    if (buf_printf(out, "%*s%s:", (int)indent, "", row->name) == BUF_FULL)
        return BUF_FULL;
    switch (row->type) {
    case SETTINGS_MAP:
        return buf_printf(out, "\n") == BUF_FULL ? BUF_FULL
                                                 : print_rows(row->rows, base, indent + 2, out);
    case SETTINGS_SECRET:
        return buf_printf(out, " # <redacted>\n") == BUF_FULL
                   ? BUF_FULL
                   : print_rows(row->rows, at(base, row->offset), indent + 2, out);
    case SETTINGS_LIST:
        return buf_printf(out, "\n") == BUF_FULL ? BUF_FULL
                                                 : print_list(row, base, indent + 2, out);
    case SETTINGS_TEXTS:
        return buf_printf(out, " ") == BUF_FULL
                   ? BUF_FULL
                   : print_texts(*(const char *const *const *)at(base, row->offset),
                                 count_of(row, base), out);
    case SETTINGS_TEXT:
    case SETTINGS_COUNT:
    case SETTINGS_SIZE:
    case SETTINGS_DURATION:
    case SETTINGS_RATIO:
    case SETTINGS_PRICE:
    case SETTINGS_WORD:
    case SETTINGS_LATER:
        break;
    }
    if (buf_printf(out, " ") == BUF_FULL || settings_scalar_print(row, base, out) == BUF_FULL)
        return BUF_FULL;
    return buf_printf(out, "\n");
}

static enum buf_result print_rows(const struct settings_row *rows, const void *base,
                                  unsigned indent, struct buf *out)
{
    for (const struct settings_row *row = rows; row->name; row++)
        if (!is_absent(row, base) && print_row(row, base, indent, out) == BUF_FULL)
            return BUF_FULL;
    return BUF_OK;
}

enum buf_result settings_print(const struct settings *s, struct buf *out)
{
    return print_rows(settings_table, s, 0, out);
}
