#include "admin.h"
#include "io/http_answer.h"
#include "prices.h"
#include "proxy.h"

static void write_price(struct json_write *w, const char *key, int64_t nano)
{
    char text[32];

    json_write_key(w, key);
    if (nano == MONEY_UNKNOWN) {
        json_write_null(w);
        return;
    }
    money_format_short(nano, text);
    json_write_raw(w, str_from(text));
}

static void write_tiers(struct json_write *w, const struct settings_price *row)
{
    json_write_key(w, "tiers");
    json_write_begin(w, '[');
    for (size_t i = 0; i < row->n_tiers; i++) {
        const struct settings_price_tier *t = &row->tiers[i];
        json_write_begin(w, '{');
        json_write_member_u64(w, "above", t->above);
        write_price(w, "input", t->input);
        write_price(w, "output", t->output);
        write_price(w, "cache_read", t->cache_read);
        write_price(w, "cache_write", t->cache_write);
        write_price(w, "reasoning", t->reasoning);
        json_write_end(w, '}');
    }
    json_write_end(w, ']');
}

static void write_row(struct json_write *w, const struct settings_price *row, bool is_override)
{
    json_write_begin(w, '{');
    json_write_member(w, "provider", row->provider);
    json_write_member(w, "model", row->model);
    write_price(w, "input", row->input);
    write_price(w, "output", row->output);
    write_price(w, "cache_read", row->cache_read);
    write_price(w, "cache_write", row->cache_write);
    write_price(w, "reasoning", row->reasoning);
    write_tiers(w, row);
    json_write_member(w, "source", row->source);
    json_write_member(w, "date", row->date);
    json_write_member(w, "origin", is_override ? "configuration" : "file");
    json_write_end(w, '}');
}

void admin_prices_list(void *arg, struct http_request *r, struct str tail)
{
    const struct proxy *p = arg;
    struct buf out;
    struct json_write w;

    (void)tail;
    admin_answer_begin(&w, &out);
    json_write_begin(&w, '[');
    for (size_t i = 0; i < prices_count(p->snapshot->prices); i++) {
        bool is_override;
        const struct settings_price *row = prices_at(p->snapshot->prices, i, &is_override);
        write_row(&w, row, is_override);
    }
    json_write_end(&w, ']');
    http_answer_written(r, 200, &w);
}
