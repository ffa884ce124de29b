/* price_import.h -- how does somebody else's list of prices become a price file of ours? Pure.
 *
 * LiteLLM's model_prices_and_context_window.json is an object of models with dollars per token,
 * genai-prices' is an array of providers with dollars per million. What cannot be said in a price
 * file is left out and told, never guessed; figures are taken over exactly, or rounded to nine
 * decimals of a dollar.
 */
#pragma once

#include "base/buf.h"
#include "base/json.h"
#include "base/macro.h"
#include "base/str.h"
#include "price_import_row.h"

enum price_import_result {
    PRICE_IMPORT_OK = 0,
    PRICE_IMPORT_NO_JSON,   /* `problem` says where */
    PRICE_IMPORT_NO_PRICES, /* JSON of another shape */
    PRICE_IMPORT_TOO_LARGE, /* more than a price file may hold: ask for fewer providers */
};

struct price_import {
    struct str text;      /* the whole list */
    struct str providers; /* comma list of those wanted; empty: all */
    struct str date;      /* "2026-11-21": prices that begin later are left out */
    /* told of each model that is left out, and why; may be NULL */
    void (*on_skip)(void *arg, struct str provider, struct str model, const char *why);
    void *arg;

    /* filled */
    unsigned n_rows, n_skipped;
    char problem[128];
};

MUST_USE enum price_import_result price_import_write(struct price_import *p, struct buf *out);
