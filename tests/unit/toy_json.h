/* toy_json.h -- the toy vocabulary as a tokenizer.json, with parts to put in place of others.
 */
#pragma once

#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct toy_json {
    const char *normalizer, *pre_tokenizer, *model, *added, *more_tokens, *merges;
};

#define TOY_GPT2 "{\"type\":\"ByteLevel\",\"add_prefix_space\":false}"
#define TOY_MERGES                                                                                 \
    "\"a b\",\"b c\",\"ab c\",\"a a\",\"aa aa\",\"c a\",\"abc a\",\"b b\",\"\\u0120 \\u0120\","    \
    "\"\\u0120\\u0120 \\u0120\\u0120\",\"t h\",\"h e\",\"th e\",\"\\u0120 the\",\"i n\",\"in g\"," \
    "\"b a\",\"b ab\",\"ab a\""

static inline void toy_json_add(struct buf *b, const char *text)
{
    if (buf_add(b, text, strlen(text)) != BUF_OK)
        abort();
}

/* The letter that stands for a byte, as GPT-2's table has it. */
static inline unsigned toy_letter(unsigned byte)
{
    unsigned hidden = 0;

    for (unsigned i = 0; i <= byte; i++) {
        int is_seen = (i > 32 && i < 127) || (i > 160 && i != 173);
        if (i == byte)
            return is_seen ? byte : 256 + hidden;
        hidden += !is_seen;
    }
    return 0;
}

static inline void toy_json_write(struct buf *b, struct toy_json t)
{
    static const char *const words[] = {
        "ab",
        "bc",
        "abc",
        "aa",
        "aaaa",
        "ca",
        "abca",
        "bb",
        "\\u0120\\u0120",
        "\\u0120\\u0120\\u0120\\u0120",
        "th",
        "he",
        "the",
        "\\u0120the",
        "in",
        "ing",
        "ba",
        "lll",
        "bab",
        "aba",
    };
    char line[128];

    toy_json_add(b, "{\"version\":\"1.0\",\"added_tokens\":[");
    toy_json_add(b, t.added ? t.added : "");
    toy_json_add(b, "],\"normalizer\":");
    toy_json_add(b, t.normalizer ? t.normalizer : "null");
    toy_json_add(b, ",\"pre_tokenizer\":");
    toy_json_add(b, t.pre_tokenizer ? t.pre_tokenizer : TOY_GPT2);
    toy_json_add(b, ",\"model\":{\"type\":\"BPE\",");
    toy_json_add(b, t.model ? t.model : "\"ignore_merges\":true,");
    toy_json_add(b, "\"vocab\":{");
    for (unsigned i = 0; i < 256; i++) {
        snprintf(line, sizeof(line), "\"\\u%04x\":%u,", toy_letter(i), i);
        toy_json_add(b, line);
    }
    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        snprintf(line, sizeof(line), "%s\"%s\":%u", i > 0 ? "," : "", words[i], 256 + i);
        toy_json_add(b, line);
    }
    toy_json_add(b, t.more_tokens ? t.more_tokens : "");
    toy_json_add(b, "},\"merges\":[");
    toy_json_add(b, t.merges ? t.merges : TOY_MERGES);
    toy_json_add(b, "]}}");
}
