#include "settings/settings_scalar.h"

#include "base/money.h"
#include "base/parse.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

struct unit {
    const char *text;
    uint64_t factor;
};

static const struct unit sizes[] = {{"GiB", UINT64_C(1) << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}};
static const struct unit durations[] = {{"d", 86400 * USEC_PER_SEC}, {"h", 3600 * USEC_PER_SEC},
                                        {"m", 60 * USEC_PER_SEC},    {"s", USEC_PER_SEC},
                                        {"ms", USEC_PER_MSEC},       {"us", 1}};

static void *field_of(const struct settings_row *row, void *base)
{
    return (char *)base + row->offset;
}

static const void *peek_of(const struct settings_row *row, const void *base)
{
    return (const char *)base + row->offset;
}

static void store(const struct settings_row *row, void *base, uint64_t value)
{
    void *field = field_of(row, base);

    if (row->size == sizeof(bool))
        *(bool *)field = value != 0;
    else if (row->size == sizeof(uint16_t))
        *(uint16_t *)field = (uint16_t)value;
    else if (row->size == sizeof(uint32_t))
        *(uint32_t *)field = (uint32_t)value;
    else
        *(uint64_t *)field = value;
}

static uint64_t fetch(const struct settings_row *row, const void *base)
{
    const void *field = peek_of(row, base);

    if (row->size == sizeof(bool))
        return *(const bool *)field;
    if (row->size == sizeof(uint16_t))
        return *(const uint16_t *)field;
    if (row->size == sizeof(uint32_t))
        return *(const uint32_t *)field;
    return *(const uint64_t *)field;
}

static bool read_number(const struct settings_row *row, struct str text, uint64_t *ret)
{
    int word;
    bool is_ok;

    if (settings_words_find(row->words, text, &word)) {
        *ret = (uint64_t)word;
        return true;
    }
    if (row->type == SETTINGS_SIZE)
        is_ok = parse_size(text, ret);
    else if (row->type == SETTINGS_DURATION)
        is_ok = parse_duration(text, ret);
    else
        is_ok = parse_u64(text, ret);
    return is_ok && *ret >= row->min && *ret <= row->max;
}

/* 0.2 or 20% */
static bool read_ratio(const struct settings_row *row, struct str text, double *ret)
{
    bool is_percent = text.len > 0 && text.data[text.len - 1] == '%';
    double ratio;

    text.len -= is_percent;
    if (!parse_double(text, &ratio))
        return false;
    ratio /= is_percent ? 100 : 1;
    if (ratio < (double)row->min || ratio > (double)row->max)
        return false;
    *ret = ratio;
    return true;
}

bool settings_scalar_read(const struct settings_row *row, const char *text, void *base)
{
    struct str s = str_from(text);
    uint64_t n;
    int word;

    switch (row->type) {
    case SETTINGS_TEXT:
    case SETTINGS_TEXTS:
        if (row->check && row->check(s))
            return false;
        *(const char **)field_of(row, base) = text;
        return true;
    case SETTINGS_COUNT:
    case SETTINGS_SIZE:
    case SETTINGS_DURATION:
        if (!read_number(row, s, &n))
            return false;
        store(row, base, n);
        return true;
    case SETTINGS_RATIO:
        return read_ratio(row, s, field_of(row, base));
    case SETTINGS_PRICE:
        return money_parse(s, field_of(row, base));
    case SETTINGS_WORD:
        if (!settings_words_find(row->words, s, &word))
            return false;
        store(row, base, (uint64_t)word);
        return true;
    case SETTINGS_LATER:
        return row->fallback && strcmp(text, row->fallback) == 0;
    case SETTINGS_SECRET:
    case SETTINGS_MAP:
    case SETTINGS_LIST:
        break;
    }
    return false;
}

static enum buf_result print_in(const struct unit *units, size_t n_units, uint64_t value,
                                struct buf *out)
{
    for (size_t i = 0; i < n_units && value > 0; i++)
        if (value % units[i].factor == 0)
            return buf_printf(out, "%" PRIu64 "%s", value / units[i].factor, units[i].text);
    return buf_printf(out, "%" PRIu64, value);
}

static enum buf_result print_number(const struct settings_row *row, uint64_t value, struct buf *out)
{
    const char *word = settings_words_text(row->words, (int)value);

    if (word)
        return buf_printf(out, "%s", word);
    if (row->type == SETTINGS_SIZE)
        return print_in(sizes, sizeof(sizes) / sizeof(sizes[0]), value, out);
    if (row->type == SETTINGS_DURATION)
        return print_in(durations, sizeof(durations) / sizeof(durations[0]), value, out);
    return buf_printf(out, "%" PRIu64, value);
}

static enum buf_result explain_range(const struct settings_row *row, struct buf *out)
{
    struct settings_row plain = *row; /* the ends of the range are numbers, never words */

    plain.words = NULL;
    if (row->type == SETTINGS_RATIO)
        return buf_printf(out, "%" PRIu64 " to %" PRIu64, row->min, row->max);
    if (print_number(&plain, row->min, out) == BUF_FULL || buf_printf(out, " to ") == BUF_FULL)
        return BUF_FULL;
    return print_number(&plain, row->max, out);
}

static enum buf_result explain_words(const struct settings_words *words, struct buf *out)
{
    for (const char *joint = ""; words->text; words++) {
        if (buf_printf(out, "%s%s", joint, words->text) == BUF_FULL)
            return BUF_FULL;
        joint = words[1].text && !words[2].text ? " or " : ", ";
    }
    return BUF_OK;
}

enum buf_result settings_scalar_explain(const struct settings_row *row, struct buf *out)
{
    switch (row->type) {
    case SETTINGS_TEXT:
    case SETTINGS_TEXTS:
        return buf_printf(out, "%s", row->check ? row->check(STR("\n")) : "a text");
    case SETTINGS_COUNT:
    case SETTINGS_SIZE:
    case SETTINGS_DURATION:
        if (explain_range(row, out) == BUF_FULL)
            return BUF_FULL;
        if (!row->words)
            return BUF_OK;
        return buf_printf(out, " or ") == BUF_FULL ? BUF_FULL : explain_words(row->words, out);
    case SETTINGS_RATIO:
        return explain_range(row, out);
    case SETTINGS_PRICE:
        return buf_printf(out, "an amount like 1.25, with at most 9 decimals");
    case SETTINGS_WORD:
        return explain_words(row->words, out);
    case SETTINGS_LATER:
        return buf_printf(out, "left out");
    case SETTINGS_SECRET:
    case SETTINGS_MAP:
    case SETTINGS_LIST:
        break;
    }
    return BUF_OK;
}

bool settings_scalar_is_absent(const struct settings_row *row, const void *base)
{
    if (row->type == SETTINGS_TEXT)
        return *(const char *const *)peek_of(row, base) == NULL;
    if (row->type == SETTINGS_PRICE)
        return *(const int64_t *)peek_of(row, base) == MONEY_UNKNOWN;
    return row->type == SETTINGS_LATER;
}

static enum buf_result print_price(int64_t nano, struct buf *out)
{
    char text[32];

    money_format(nano, text);
    size_t len = strlen(text);
    if (strchr(text, '.'))
        while (text[len - 1] == '0' && text[len - 2] != '.')
            text[--len] = '\0';
    return buf_printf(out, "%s", text);
}

enum buf_result settings_scalar_print(const struct settings_row *row, const void *base,
                                      struct buf *out)
{
    const void *field = peek_of(row, base);

    switch (row->type) {
    case SETTINGS_TEXT:
        return settings_scalar_quote(*(const char *const *)field, out);
    case SETTINGS_COUNT:
    case SETTINGS_SIZE:
    case SETTINGS_DURATION:
        return print_number(row, fetch(row, base), out);
    case SETTINGS_RATIO:
        return buf_printf(out, "%.12g", *(const double *)field);
    case SETTINGS_PRICE:
        return print_price(*(const int64_t *)field, out);
    case SETTINGS_WORD:
        return buf_printf(out, "%s", settings_words_text(row->words, (int)fetch(row, base)));
    case SETTINGS_LATER:
    case SETTINGS_SECRET:
    case SETTINGS_MAP:
    case SETTINGS_TEXTS:
    case SETTINGS_LIST:
        break;
    }
    assert(!"a row without a scalar");
    return BUF_FULL;
}

enum buf_result settings_scalar_quote(const char *text, struct buf *out)
{
    if (buf_add(out, "\"", 1) == BUF_FULL)
        return BUF_FULL;
    for (; *text; text++) {
        enum buf_result r =
            *text == '"' || *text == '\\' ? buf_printf(out, "\\%c", *text) : buf_add(out, text, 1);
        if (r == BUF_FULL)
            return BUF_FULL;
    }
    return buf_add(out, "\"", 1);
}
