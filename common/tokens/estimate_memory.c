#include "estimate_memory.h"

#define REMEMBERED_BYTES 128 /* of a message: shorter ones are estimated as fast */
#define TOKEN            ESTIMATE_TOKEN

static uint64_t round_up(uint64_t hundredths)
{
    return (hundredths + TOKEN - 1) / TOKEN;
}

static uint64_t sum(const uint64_t parts[ESTIMATE_FEATURES])
{
    uint64_t all = 0;

    for (size_t i = 0; i < ESTIMATE_FEATURES; i++)
        all += parts[i];
    return all;
}

static void find_parts(const struct counter_memory *m, const struct json_value *message,
                       uint64_t ret[ESTIMATE_FEATURES])
{
    struct estimate_memory_parts known;
    struct fingerprint of;
    bool is_kept = m->find && message->raw.len >= REMEMBERED_BYTES;

    if (is_kept && m->find(m->arg, 0, message->raw, &of, &known)) {
        for (size_t i = 0; i < ESTIMATE_FEATURES; i++)
            ret[i] = known.of[i];
        return;
    }
    for (size_t i = 0; i < ESTIMATE_FEATURES; i++)
        ret[i] = 0;
    estimate_add_message(message, ret);
    for (size_t i = 0; i < ESTIMATE_FEATURES; i++) {
        known.of[i] = (uint32_t)ret[i];
        is_kept = is_kept && ret[i] <= UINT32_MAX;
    }
    if (is_kept)
        m->keep(m->arg, &of, &known);
}

uint64_t estimate_memory_message(const struct counter_memory *m, const struct json_value *message)
{
    uint64_t parts[ESTIMATE_FEATURES];

    find_parts(m, message, parts);
    return round_up(sum(parts));
}

uint64_t estimate_memory_request(const struct counter_memory *m, const struct json_value *body,
                                 double ret[ESTIMATE_FEATURES])
{
    const struct json_value *messages = json_get(body, "messages");
    uint64_t all[ESTIMATE_FEATURES] = {0}, parts[ESTIMATE_FEATURES], tokens = 0;

    if (json_is(messages, JSON_ARRAY)) {
        for (const struct json_value *one = messages->child; one; one = one->next) {
            find_parts(m, one, parts);
            tokens += round_up(sum(parts));
            for (size_t i = 0; i < ESTIMATE_FEATURES; i++)
                all[i] += parts[i];
        }
    }
    tokens -= round_up(sum(all));
    estimate_add_beside(body, all);
    for (size_t i = 0; i < ESTIMATE_FEATURES; i++)
        ret[i] = (double)all[i] / TOKEN;
    return tokens + round_up(sum(all));
}
