#include "budget.h"

#include <assert.h>

/* Stays at the end of what a word can hold rather than begin anew at the other. */
static void add(_Atomic int64_t *to, int64_t amount)
{
    int64_t sum, before = atomic_load_explicit(to, memory_order_relaxed);

    do {
        if (__builtin_add_overflow(before, amount, &sum))
            sum = amount > 0 ? INT64_MAX : INT64_MIN;
    } while (!atomic_compare_exchange_weak(to, &before, sum));
}

void budget_load(struct budget *b, int64_t spent, usec_t ends_at)
{
    *b = (struct budget){.used = spent, .settled = spent, .ends_at = ends_at};
}

bool budget_is_over(const struct budget *b, usec_t wall, usec_t *ret_ends_at)
{
    *ret_ends_at = atomic_load_explicit(&b->ends_at, memory_order_acquire);
    return wall >= *ret_ends_at;
}

/* Every cost is in `used` before it is in `settled`, so what is taken away here is there; what is
 * reserved stays. */
void budget_roll(struct budget *b, usec_t ends_at, usec_t next_ends_at)
{
    if (!atomic_compare_exchange_strong(&b->ends_at, &ends_at, next_ends_at))
        return;
    int64_t settled = atomic_load(&b->settled);
    int64_t before = atomic_exchange(&b->rolled, settled);
    add(&b->used, before - settled);
}

bool budget_reserve(struct budget *b, int64_t limit, int64_t amount)
{
    assert(amount >= 0);
    if (limit == MONEY_UNKNOWN || amount == 0)
        return true;
    int64_t used = atomic_load_explicit(&b->used, memory_order_relaxed);
    do {
        if (used > limit || amount > limit - used)
            return false;
    } while (!atomic_compare_exchange_weak(&b->used, &used, used + amount));
    return true;
}

void budget_settle(struct budget *b, int64_t reserved, int64_t cost)
{
    if (cost != reserved)
        add(&b->used, cost - reserved);
    if (cost != 0)
        add(&b->settled, cost);
}

int64_t budget_used(const struct budget *b)
{
    return atomic_load_explicit(&b->used, memory_order_relaxed);
}

int64_t budget_settled(const struct budget *b)
{
    return atomic_load(&b->settled) - atomic_load(&b->rolled);
}
