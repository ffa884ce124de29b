#include "base/clock.h"
#include "ctl_file.h"
#include "ctl_show.h"
#include "io/map_file.h"
#include "price_import.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_OUT ((size_t)2 << 20)

static int list(struct ctl_context *c, int argc, char **argv)
{
    static const struct ctl_table_column columns[] = {
        {"PROVIDER", "provider"},   {"MODEL", "model"},           {"INPUT", "input"},
        {"OUTPUT", "output"},       {"CACHE READ", "cache_read"}, {"CACHE WRITE", "cache_write"},
        {"REASONING", "reasoning"}, {"ABOVE", "tiers.0.above"},   {"SOURCE", "source"},
        {"DATE", "date"},           {"FROM", "origin"},
    };

    (void)argv;
    if (argc > 0)
        return CTL_USAGE;
    return ctl_show_rows(c, "/admin/prices", columns, sizeof(columns) / sizeof(columns[0]));
}

static void on_skip(void *arg, struct str provider, struct str model, const char *why)
{
    (void)arg;
    fprintf(stderr, "left out: %.*s %.*s: %s\n", STR_ARG(provider), STR_ARG(model), why);
}

static int finish(const struct price_import *p, const char *to, struct str text)
{
    int r = 0;

    if (to) {
        r = ctl_file_write(to, text);
        if (r == 0)
            fprintf(stderr, "%s: %u prices, %u models left out\n", to, p->n_rows, p->n_skipped);
    } else if (fwrite(text.data, 1, text.len, stdout) != text.len || fflush(stdout) != 0) {
        r = -EIO;
    }
    if (r < 0)
        fprintf(stderr, "llmctl: %s: %s\n", to ? to : "standard output", strerror(-r));
    return r < 0 ? CTL_ERROR : CTL_OK;
}

static int convert(const char *from, const char *to, const char *providers)
{
    struct str text;
    int e = map_file_open(from, &text);
    if (e < 0) {
        fprintf(stderr, "llmctl: %s: %s\n", from, strerror(-e));
        return CTL_ERROR;
    }
    char date[16];
    time_t now = (time_t)(clock_wall() / USEC_PER_SEC);
    struct tm day;
    gmtime_r(&now, &day);
    strftime(date, sizeof(date), "%Y-%m-%d", &day);

    CLEANUP(buf_done) struct buf out;
    buf_init(&out, MAX_OUT);
    struct price_import p = {
        .text = text, .providers = str_from(providers), .date = str_from(date), .on_skip = on_skip};
    enum price_import_result r = price_import_write(&p, &out);
    map_file_close(&text);
    switch (r) {
    case PRICE_IMPORT_OK:
        return finish(&p, to, buf_str(&out));
    case PRICE_IMPORT_NO_JSON:
        fprintf(stderr, "llmctl: %s: %s\n", from, p.problem);
        break;
    case PRICE_IMPORT_NO_PRICES:
        fprintf(stderr, "llmctl: %s: no prices of %s in it\n", from,
                providers ? providers : "LiteLLM or genai-prices");
        break;
    case PRICE_IMPORT_TOO_LARGE:
        fprintf(stderr, "llmctl: %s: more than a price file holds; name --providers\n", from);
        break;
    }
    return CTL_ERROR;
}

static int import(struct ctl_context *c, int argc, char **argv)
{
    const char *from = NULL, *to = NULL, *providers = NULL;

    (void)c;
    for (int i = 0; i < argc; i++) {
        bool has_value = i + 1 < argc;
        if (strcmp(argv[i], "--to") == 0 && has_value)
            to = argv[++i];
        else if (strcmp(argv[i], "--providers") == 0 && has_value)
            providers = argv[++i];
        else if (argv[i][0] != '-' && !from)
            from = argv[i];
        else
            return CTL_USAGE;
    }
    return from ? convert(from, to, providers) : CTL_USAGE;
}

const struct ctl_command ctl_prices_list_command = {"prices list", "",
                                                    "what tokens cost, USD per million", list};
const struct ctl_command ctl_prices_import_command = {
    "prices import", "FILE.json [--providers a,b] [--to FILE.yaml]",
    "a price file from LiteLLM's or genai-prices' list", import};
