#include "guesses.h"

#include "base/digest.h"
#include "base/map.h"
#include "base/ratelimit.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>

#define WAYS 16
#define SETS (GUESSES_SOURCES / WAYS)

/* Five at once and five a second: at most ten in any second. */
static const struct ratelimit_rate rate = {5, USEC_PER_SEC};

struct source {
    uint64_t name; /* keyed hash of the address; 0: free */
    struct ratelimit failures;
};

struct guesses {
    pthread_mutex_t lock;
    uint64_t seed[2]; /* so that nobody can aim at another's place */
    struct source sources[SETS][WAYS];
};

struct guesses *guesses_new(void)
{
    struct guesses *g = calloc(1, sizeof(*g)); /* pages are there when they are used */

    if (!g)
        abort();
    pthread_mutex_init(&g->lock, NULL);
    digest_random(g->seed, sizeof(g->seed));
    return g;
}

void guesses_free(struct guesses **g)
{
    if (!*g)
        return;
    pthread_mutex_destroy(&(*g)->lock);
    free(*g);
    *g = NULL;
}

static uint64_t name_of(const struct guesses *g, struct str peer)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;

    if (str_copy(text, sizeof(text), peer) && inet_pton(AF_INET6, text, &address) == 1 &&
        !IN6_IS_ADDR_V4MAPPED(&address))
        peer = (struct str){(const char *)&address, 8};
    return map_hash(g->seed, peer) | 1;
}

/* The source's own place, or that of the one whose failures lie longest back. */
static struct source *find(struct guesses *g, uint64_t name)
{
    struct source *set = g->sources[(name >> 1) % SETS], *oldest = &set[0];

    for (unsigned i = 0; i < WAYS; i++) {
        if (set[i].name == name)
            return &set[i];
        if (set[i].failures.full_at < oldest->failures.full_at)
            oldest = &set[i];
    }
    *oldest = (struct source){.name = name};
    return oldest;
}

usec_t guesses_note(struct guesses *g, struct str peer, usec_t now)
{
    uint64_t name = name_of(g, peer);

    pthread_mutex_lock(&g->lock);
    usec_t wait = ratelimit_take(&find(g, name)->failures, rate, 1, now);
    pthread_mutex_unlock(&g->lock);
    return wait;
}
