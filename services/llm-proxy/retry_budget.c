#include "retry_budget.h"

#include <assert.h>

static size_t slot_at(struct retry_budget *b, usec_t now)
{
    uint64_t second = now / USEC_PER_SEC;
    size_t i = second % RETRY_BUDGET_SLOTS;

    if (b->slots[i].second < second) {
        b->slots[i].second = second;
        b->slots[i].requests = b->slots[i].repeats = 0;
    }
    return i;
}

void retry_budget_note(struct retry_budget *b, usec_t now)
{
    b->slots[slot_at(b, now)].requests++;
}

static bool is_within(uint64_t repeats, double share, uint64_t requests)
{
    return repeats <= RETRY_BUDGET_FLOOR || (double)repeats <= share * (double)requests;
}

bool retry_budget_take(struct retry_budget *b, double share, uint32_t under_way, usec_t now)
{
    uint64_t second = now / USEC_PER_SEC, requests = 0, repeats = 0;
    size_t here = slot_at(b, now);

    for (size_t i = 0; i < RETRY_BUDGET_SLOTS; i++)
        if (b->slots[i].second + RETRY_BUDGET_SLOTS > second) {
            requests += b->slots[i].requests;
            repeats += b->slots[i].repeats;
        }
    bool is_allowed =
        share > 0 && is_within(repeats + 1, share, requests) &&
        is_within(UINT64_C(1) + b->repeating, share, UINT64_C(1) + b->repeating + under_way);
    if (!is_allowed) {
        b->refused++;
        return false;
    }
    b->slots[here].repeats++;
    b->repeating++;
    return true;
}

void retry_budget_release(struct retry_budget *b)
{
    assert(b->repeating > 0);
    b->repeating--;
}
