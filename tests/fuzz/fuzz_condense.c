#include "condense.h"
#include "tokens/counter.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The properties: what comes out is a conversation within the budget, and fits as it is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    const struct json_value *messages, *out;
    struct condense_report report, again;
    size_t at;

    if (size < 4)
        return 0;
    struct condense_options options = {.dialect = STR("openai"),
                                       .mode = (enum condense_mode)(data[0] % 4),
                                       .keep_last = data[1] % 8,
                                       .budget_tokens = data[2] | (uint64_t)(data[3] % 16) << 8};
    arena_init(&a, 16 << 20);
    struct str text = {(const char *)data + 4, size - 4};
    if (json_parse(&a, text, &messages, &at) == JSON_OK) {
        enum condense_outcome o = condense_run(&a, messages, &options, &report);
        if (o == CONDENSE_UNCHANGED || o == CONDENSE_CONDENSED) {
            if (json_parse(&a, report.messages, &out, &at) != JSON_OK ||
                counter_messages(NULL, out) != report.tokens_after ||
                report.tokens_after > options.budget_tokens ||
                condense_run(&a, out, &options, &again) != CONDENSE_UNCHANGED ||
                !str_equal(again.messages, report.messages))
                abort();
        }
    }
    arena_done(&a);
    return 0;
}
