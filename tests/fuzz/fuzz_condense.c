#include "condense.h"
#include "tokens/counter.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECRET STR("secret")

/* The properties: what comes out is a conversation within the budget, and fits as it is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    const struct json_value *messages, *out;
    struct condense_report report, again;
    size_t at;

    if (size < 4)
        return 0;
    struct condense_options options = {.dialect = data[0] & 4 ? STR("anthropic") : STR("openai"),
                                       .mode = (enum condense_mode)(data[0] % 4),
                                       .keep_last = data[1] % 8,
                                       .query = data[0] & 8 ? STR("error 7") : STR_EMPTY,
                                       .secret = data[0] & 16 ? SECRET : STR_EMPTY,
                                       .budget_tokens = data[2] | (uint64_t)(data[3] % 16) << 8};
    if (data[0] & 32)
        options.target_tokens = options.budget_tokens / 2;
    arena_init(&a, 16 << 20);
    struct str text = {(const char *)data + 4, size - 4};
    if (json_parse(&a, text, &messages, &at) == JSON_OK) {
        enum condense_outcome o = condense_run(&a, messages, &options, &report);
        if (o == CONDENSE_UNCHANGED || o == CONDENSE_CONDENSED) {
            if (json_parse(&a, report.messages, &out, &at) != JSON_OK)
                abort();
            if (counter_messages(NULL, out) != report.tokens_after ||
                report.tokens_after > options.budget_tokens ||
                condense_run(&a, out, &options, &again) != CONDENSE_UNCHANGED ||
                !str_equal(again.messages, report.messages))
                abort();
        }
    }
    arena_done(&a);
    return 0;
}
