#include "settings/settings_scalar.h"

static const char *type_text(enum settings_type type)
{
    switch (type) {
    case SETTINGS_TEXT:
        return "text";
    case SETTINGS_COUNT:
        return "number";
    case SETTINGS_SIZE:
        return "size";
    case SETTINGS_DURATION:
        return "duration";
    case SETTINGS_RATIO:
        return "ratio";
    case SETTINGS_PRICE:
        return "USD";
    case SETTINGS_WORD:
        return "word";
    case SETTINGS_SECRET:
        return "secret";
    case SETTINGS_MAP:
        return "map";
    case SETTINGS_TEXTS:
        return "texts";
    case SETTINGS_LIST:
        return "list";
    case SETTINGS_LATER:
        return "later";
    }
    return "";
}

static enum buf_result write_default(const struct settings_row *row, struct buf *out)
{
    if (row->is_required)
        return buf_printf(out, "required");
    if (!row->fallback)
        return buf_printf(out, "–");
    return buf_printf(out, "`%s`", row->fallback[0] ? row->fallback : "\"\"");
}

static enum buf_result write_row(const char *prefix, const struct settings_row *row,
                                 struct buf *out)
{
    if (buf_printf(out, "| `%s%s` | %s | ", prefix, row->name, type_text(row->type)) == BUF_FULL ||
        write_default(row, out) == BUF_FULL || buf_printf(out, " | ") == BUF_FULL)
        return BUF_FULL;
    if (row->type == SETTINGS_LIST)
        return buf_printf(out, "at most %llu items | %s |\n", (unsigned long long)row->max,
                          row->help);
    enum buf_result r = row->type == SETTINGS_SECRET ? buf_printf(out, "exactly one of its keys")
                                                     : settings_scalar_explain(row, out);
    return r == BUF_FULL ? r : buf_printf(out, " | %s |\n", row->help);
}

static enum buf_result write_rows(const char *prefix, const struct settings_row *rows,
                                  struct buf *out)
{
    for (const struct settings_row *row = rows; row->name; row++) {
        CLEANUP(buf_done) struct buf inner = {.max = 256};
        const char *mark = row->type == SETTINGS_LIST ? "[]" : "";
        if (row->type != SETTINGS_MAP && write_row(prefix, row, out) == BUF_FULL)
            return BUF_FULL;
        if (!row->rows)
            continue;
        if (buf_printf(&inner, "%s%s%s.", prefix, row->name, mark) == BUF_FULL ||
            write_rows(inner.data, row->rows, out) == BUF_FULL)
            return BUF_FULL;
    }
    return BUF_OK;
}

static enum buf_result write_section(const struct settings_row *row, struct buf *out)
{
    CLEANUP(buf_done) struct buf prefix = {.max = 64};

    if (buf_printf(&prefix, "%s%s.", row->name, row->type == SETTINGS_LIST ? "[]" : "") == BUF_FULL)
        return BUF_FULL;
    if (buf_printf(out,
                   "\n## %s\n\n%s\n\n| key | type | default | allowed | meaning |\n"
                   "| --- | --- | --- | --- | --- |\n",
                   row->name, row->help) == BUF_FULL)
        return BUF_FULL;
    return write_rows(prefix.data, row->rows, out);
}

enum buf_result settings_document(struct buf *out)
{
    for (const struct settings_row *row = settings_table; row->name; row++)
        if (write_section(row, out) == BUF_FULL)
            return BUF_FULL;
    return BUF_OK;
}
