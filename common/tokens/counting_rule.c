#include "counting_rule.h"

#include <stddef.h>
#include <string.h>

/* Sources. Tables: tiktoken's model.py. Messages: OpenAI's cookbook, "How to count tokens with
 * tiktoken"; newer models answer one or two tokens beside it, so theirs are not called published.
 * Pictures: OpenAI's guide "Images and vision", Anthropic's "Vision", Google's "Understand and
 * count tokens". What precedes Anthropic's tools: their table of tool use system prompts. */
#define O200K(published)  COUNTING_RULE_O200K, true, published, 3, 1, 3
#define CL100K(published) COUNTING_RULE_CL100K, true, published, 3, 1, 3
#define TEXT(table)       table, true, true, 0, 0, 0
#define FOREIGN           COUNTING_RULE_O200K, false, false, 3, 1, 3
#define TILES(base, tile) COUNTING_RULE_TILES, base, tile, 0, 0, 0
#define PATCHES(factor)   COUNTING_RULE_PATCHES, 0, 0, factor, 0, 0
#define CLAUDE            FOREIGN, 340, 7, COUNTING_RULE_AREA, 0, 0, 0

/* The first that fits: the longer name before its beginning. */
static const struct counting_rule rules[] = {
    {"gpt-4o-mini", O200K(true), 0, 0, TILES(2833, 5667)},
    {"gpt-4o", O200K(true), 0, 0, TILES(85, 170)},
    {"chatgpt-4o", O200K(true), 0, 0, TILES(85, 170)},
    {"gpt-4.1-mini", O200K(true), 0, 0, PATCHES(162)},
    {"gpt-4.1-nano", O200K(true), 0, 0, PATCHES(246)},
    {"gpt-4.1", O200K(true), 0, 0, TILES(85, 170)},
    {"gpt-4.5", O200K(true), 0, 0, TILES(85, 170)},
    {"gpt-5-mini", O200K(false), 0, 0, PATCHES(162)},
    {"gpt-5-nano", O200K(false), 0, 0, PATCHES(246)},
    {"gpt-5", O200K(false), 0, 0, TILES(70, 140)},
    {"gpt-oss", O200K(false), 0, 0, TILES(85, 170)},
    {"o4-mini", O200K(false), 0, 0, PATCHES(172)},
    {"o1", O200K(false), 0, 0, TILES(75, 150)},
    {"o3", O200K(false), 0, 0, TILES(75, 150)},
    {"gpt-3.5-turbo-0301", COUNTING_RULE_CL100K, true, true, 4, -1, 3, 0, 0, TILES(85, 170)},
    {"gpt-4", CL100K(true), 0, 0, TILES(85, 170)},
    {"gpt-3.5", CL100K(true), 0, 0, TILES(85, 170)},
    {"gpt-35-turbo", CL100K(true), 0, 0, TILES(85, 170)},
    {"text-embedding-3", TEXT(COUNTING_RULE_CL100K), 0, 0, TILES(0, 0)},
    {"text-embedding-ada-002", TEXT(COUNTING_RULE_CL100K), 0, 0, TILES(0, 0)},
    {"davinci-002", TEXT(COUNTING_RULE_CL100K), 0, 0, TILES(0, 0)},
    {"babbage-002", TEXT(COUNTING_RULE_CL100K), 0, 0, TILES(0, 0)},
    {"text-davinci-003", TEXT(COUNTING_RULE_P50K), 0, 0, TILES(0, 0)},
    {"text-davinci-002", TEXT(COUNTING_RULE_P50K), 0, 0, TILES(0, 0)},
    {"davinci", TEXT(COUNTING_RULE_R50K), 0, 0, TILES(0, 0)},
    {"curie", TEXT(COUNTING_RULE_R50K), 0, 0, TILES(0, 0)},
    {"babbage", TEXT(COUNTING_RULE_R50K), 0, 0, TILES(0, 0)},
    {"ada", TEXT(COUNTING_RULE_R50K), 0, 0, TILES(0, 0)},
    {"claude-opus-4-7", CLAUDE, 2576, 50},
    {"claude-opus-4-8", CLAUDE, 2576, 50},
    {"claude", CLAUDE, 1568, 35},
    {"gemini", FOREIGN, 0, 7, COUNTING_RULE_SQUARES, 0, 0, 0, 0, 35},
    {"", FOREIGN, 0, 7, COUNTING_RULE_TILES, 85, 170, 0, 0, 35},
};
#define N_RULES (sizeof(rules) / sizeof(rules[0]))

static bool is_of(struct str model, const char *family)
{
    size_t len = strlen(family);

    return str_has_prefix(model, family) &&
           (model.len == len || len == 0 || strchr("-:@", model.data[len]) != NULL);
}

const struct counting_rule *counting_rule_find(struct str model)
{
    const struct counting_rule *r = rules;

    if (str_has_prefix(model, "ft:"))
        model = (struct str){model.data + 3, model.len - 3};
    while (r < &rules[N_RULES - 1] && !is_of(model, r->family))
        r++;
    return r;
}

const char *counting_rule_table_name(enum counting_rule_table t)
{
    static const char *const names[] = {"o200k_base", "cl100k_base", "p50k_base", "r50k_base"};

    return names[t];
}
