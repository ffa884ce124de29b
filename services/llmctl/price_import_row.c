#include "price_import_row.h"

#include "base/money.h"
#include "settings/settings_text.h"

#include <stdlib.h>
#include <string.h>

#define MAX_NANO   INT64_C(999999999999999999) /* nine digits before the point, nine after it */
#define MAX_DIGITS 18

void price_import_row_init(struct price_import_row *r)
{
    *r = (struct price_import_row){.provider = STR_EMPTY};
    for (int i = 0; i < PRICE_N_FIGURES; i++)
        r->base.figures[i] = MONEY_UNKNOWN;
}

/* [0-9]*, at most MAX_DIGITS of them kept without leading zeros; *exponent counts what the kept
 * digits must be multiplied by. */
static size_t take_digits(struct str *text, uint64_t *value, int *n_kept, int *n_dropped)
{
    size_t n = 0;
    for (; n < text->len && text->data[n] >= '0' && text->data[n] <= '9'; n++) {
        if (*n_kept >= MAX_DIGITS) {
            ++*n_dropped;
            continue;
        }
        *value = *value * 10 + (uint64_t)(text->data[n] - '0');
        if (*value > 0)
            ++*n_kept;
    }
    text->data += n;
    text->len -= n;
    return n;
}

static bool take(struct str *text, char c)
{
    if (text->len == 0 || (*text->data | 0x20) != (c | 0x20))
        return false;
    text->data++;
    text->len--;
    return true;
}

static bool take_exponent(struct str *text, int *exponent)
{
    if (!take(text, 'e'))
        return true;
    bool is_negative = take(text, '-');
    if (!is_negative)
        (void)take(text, '+');
    uint64_t value = 0;
    int kept = 0, dropped = 0;
    if (take_digits(text, &value, &kept, &dropped) == 0 || value > 1000 || dropped > 0)
        return false;
    *exponent += is_negative ? -(int)value : (int)value;
    return true;
}

static bool shift(uint64_t value, int exponent, int64_t *ret)
{
    for (; exponent > 0 && value > 0; exponent--) {
        if (value > (uint64_t)MAX_NANO / 10)
            return false;
        value *= 10;
    }
    for (; exponent < -1 && value > 0; exponent++)
        value /= 10;
    if (exponent == -1)
        value = (value + 5) / 10;
    *ret = (int64_t)value;
    return value <= (uint64_t)MAX_NANO;
}

bool price_import_row_number(struct str text, int scale, int64_t *ret)
{
    uint64_t value = 0;
    int kept = 0, dropped = 0, exponent = scale;
    if (take_digits(&text, &value, &kept, &dropped) == 0)
        return false;
    exponent += dropped;
    if (take(&text, '.')) {
        dropped = 0;
        size_t n = take_digits(&text, &value, &kept, &dropped);
        if (n == 0 || n > 1000)
            return false;
        exponent -= (int)n - dropped;
    }
    return take_exponent(&text, &exponent) && text.len == 0 && shift(value, exponent, ret);
}

struct price_import_prices *price_import_row_tier(struct price_import_row *r, int64_t above)
{
    for (unsigned i = 0; i < r->n_tiers; i++)
        if (r->tiers[i].above == above)
            return &r->tiers[i].prices;
    if (r->n_tiers == PRICE_IMPORT_MAX_TIERS)
        return NULL;
    r->tiers[r->n_tiers].above = above;
    for (int i = 0; i < PRICE_N_FIGURES; i++)
        r->tiers[r->n_tiers].prices.figures[i] = MONEY_UNKNOWN;
    return &r->tiers[r->n_tiers++].prices;
}

/* YAML takes no C1 control, and no model needs more than ASCII. */
static bool is_plain(struct str name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.data[i] < 0x20 || name.data[i] > 0x7e)
            return false;
    return name.len > 0 && name.len <= 256;
}

const char *price_import_row_problem(const struct price_import_row *r)
{
    if (settings_text_check_name(r->provider))
        return "a provider of that name cannot be configured";
    if (!is_plain(r->model))
        return "its name is too long, or not printable ASCII";
    if (r->base.figures[PRICE_INPUT] == MONEY_UNKNOWN)
        return "it has no price per token of the prompt";
    for (unsigned i = 0; i < r->n_tiers; i++)
        if (r->tiers[i].above < 1 || r->tiers[i].above > 1000000000)
            return "a tier begins where no prompt ends";
    return NULL;
}

static enum buf_result write_quoted(struct buf *out, struct str text)
{
    enum buf_result r = buf_add(out, "'", 1);
    for (size_t i = 0; i < text.len && r == BUF_OK; i++)
        r = text.data[i] == '\'' ? buf_add(out, "''", 2) : buf_add(out, &text.data[i], 1);
    return r == BUF_OK ? buf_add(out, "'", 1) : r;
}

static enum buf_result write_text(struct buf *out, const char *key, struct str text)
{
    enum buf_result r = buf_printf(out, "%s: ", key);
    return r == BUF_OK ? write_quoted(out, text) : r;
}

static enum buf_result write_figures(struct buf *out, const struct price_import_prices *p)
{
    static const char *const names[] = {[PRICE_INPUT] = "input",
                                        [PRICE_OUTPUT] = "output",
                                        [PRICE_CACHE_READ] = "cache_read",
                                        [PRICE_CACHE_WRITE] = "cache_write",
                                        [PRICE_REASONING] = "reasoning"};
    enum buf_result r = BUF_OK;
    for (int i = 0; i < PRICE_N_FIGURES && r == BUF_OK; i++) {
        char text[32];
        if (p->figures[i] == MONEY_UNKNOWN)
            continue;
        money_format_short(p->figures[i], text);
        r = buf_printf(out, ", %s: %s", names[i], text);
    }
    return r;
}

static int by_length(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b; /* `above` stands first */
    return (left > right) - (left < right);
}

static enum buf_result write_tiers(struct price_import_row *row, struct buf *out)
{
    qsort(row->tiers, row->n_tiers, sizeof(*row->tiers), by_length);
    enum buf_result r = buf_printf(out, ", tiers: [");
    for (unsigned i = 0; i < row->n_tiers && r == BUF_OK; i++) {
        r = buf_printf(out, "%s{above: %lld", i > 0 ? ", " : "", (long long)row->tiers[i].above);
        if (r == BUF_OK)
            r = write_figures(out, &row->tiers[i].prices);
        if (r == BUF_OK)
            r = buf_printf(out, "}");
    }
    return r == BUF_OK ? buf_printf(out, "]") : r;
}

enum buf_result price_import_row_write(struct price_import_row *row, struct buf *out)
{
    enum buf_result r = write_text(out, "  - {provider", row->provider);
    if (r == BUF_OK)
        r = write_text(out, ", model", row->model);
    if (r == BUF_OK)
        r = write_figures(out, &row->base);
    if (r == BUF_OK && row->n_tiers > 0)
        r = write_tiers(row, out);
    if (r == BUF_OK)
        r = write_text(out, ", source", row->source);
    if (r == BUF_OK)
        r = write_text(out, ", date", row->date);
    return r == BUF_OK ? buf_printf(out, "}\n") : r;
}
