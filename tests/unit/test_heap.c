#include "base/heap.h"

#include "check.h"

#include <stdbool.h>
#include <stdlib.h>

enum { N = 1000 };

static void what_comes_out_first_is_always_the_least(void **state)
{
    static struct heap_node nodes[N];
    struct heap h;
    double last = -1;

    (void)state;
    heap_init(&h);
    CHECK(!heap_find_least(&h));
    for (unsigned i = 0; i < N; i++)
        heap_add(&h, &nodes[i], (i * 7919) % 1009);
    for (unsigned i = 0; i < N; i++) {
        struct heap_node *least = heap_find_least(&h);
        CHECK(least->rank >= last);
        last = least->rank;
        heap_remove(&h, least);
    }
    CHECK(!heap_find_least(&h));
    heap_done(&h);
}

/* Beside a plain list, over many random changes. */
static void nodes_can_be_moved_and_taken_out_from_anywhere(void **state)
{
    static struct heap_node nodes[N];
    static bool is_in[N];
    struct heap h;
    unsigned random = 1;

    (void)state;
    heap_init(&h);
    for (unsigned step = 0; step < 20000; step++) {
        random = random * 1103515245 + 12345;
        unsigned i = (random >> 8) % N;
        double rank = (random >> 20) % 100;
        if (!is_in[i])
            heap_add(&h, &nodes[i], rank);
        else if (random & 64)
            heap_move(&h, &nodes[i], rank);
        else
            heap_remove(&h, &nodes[i]);
        is_in[i] = !is_in[i] || (random & 64);

        if (step % 100 != 0)
            continue;
        double least = 1000;
        size_t n = 0;
        for (unsigned k = 0; k < N; k++) {
            n += is_in[k];
            if (is_in[k] && nodes[k].rank < least)
                least = nodes[k].rank;
        }
        CHECK_U64(h.n, n);
        CHECK(n == 0 || heap_find_least(&h)->rank == least);
    }
    heap_done(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_out_first_is_always_the_least),
        cmocka_unit_test(nodes_can_be_moved_and_taken_out_from_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
