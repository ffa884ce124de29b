/* How long does it take to tell whose key a text is, and does the time tell anything?
 *
 *   key_time [N]   N looks of each class, in random order (default 200000); prints nanoseconds and
 *                  Welch's t of each class against wrong keys. |t| < 4.5: no signal. (Whether a key
 *                  is right is told by the answer anyway.)
 */
#include "base/digest.h"
#include "keyring.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define KEYS 1000

enum class { WRONG, ALMOST, PREFIX, RIGHT, CLASSES };

static const char *const names[] = {"wrong", "one character off", "a key's beginning", "right"};

static void write_text(char *to, uint64_t n)
{
    snprintf(to, KEYRING_TEXT_LEN + 1, "llm-%043llu", (unsigned long long)n);
}

static struct keyring *make_ring(const struct pepper *pepper)
{
    struct keyring_parts parts = {.keys = calloc(KEYS, sizeof(*parts.keys)), .n_keys = KEYS};
    for (unsigned i = 0; parts.keys && i < KEYS; i++) {
        parts.keys[i] = (struct keyring_key){.id = strdup("k"),
                                             .name = strdup("n"),
                                             .tags = strdup(""),
                                             .expires_at = USEC_INFINITY,
                                             .revoked_at = USEC_INFINITY};
        char text[KEYRING_TEXT_LEN + 1];
        write_text(text, i);
        pepper_digest(pepper, str_from(text), parts.keys[i].digest);
    }
    return keyring_new(parts, pepper);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC_RAW, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

struct moments {
    double mean, variance, n;
};

/* Of the fastest nine tenths: the rest is interrupts. */
static struct moments describe(uint32_t *times, size_t n)
{
    struct moments m = {0, 0, (double)(n * 9 / 10)};
    qsort(times, n, sizeof(*times), by_size);
    for (size_t i = 0; i < n * 9 / 10; i++)
        m.mean += times[i] / m.n;
    for (size_t i = 0; i < n * 9 / 10; i++)
        m.variance += (times[i] - m.mean) * (times[i] - m.mean) / m.n;
    return m;
}

static uint64_t next_random(void)
{
    static uint64_t random = 88172645463325252u;
    random ^= random << 13, random ^= random >> 7, random ^= random << 17;
    return random;
}

/* A text of the class, in the same place each time. */
static struct str make_text(enum class c, char *text)
{
    uint64_t random = next_random();
    write_text(text, c == WRONG ? KEYS + random : random % KEYS);
    if (c == ALMOST)
        text[4 + (random >> 32) % (KEYRING_TEXT_LEN - 4)] ^= 64;
    size_t len = c == PREFIX ? 20 + (random >> 32) % 26 : KEYRING_TEXT_LEN;
    if (c == PREFIX)
        memset(text + len, 0, KEYRING_TEXT_LEN - len);
    return (struct str){text, len};
}

static void look(const struct keyring *ring, uint32_t *times[CLASSES], size_t n)
{
    static char text[KEYRING_TEXT_LEN + 1], draft[KEYRING_TEXT_LEN + 1];
    size_t at[CLASSES] = {0};
    for (size_t left = CLASSES * n; left > 0;) {
        enum class c = (enum class)(next_random() % CLASSES);
        if (at[c] == n)
            continue;
        struct str asked = make_text(c, draft);
        memcpy(text, draft, sizeof(text)); /* so that no class leaves traces of its own */
        asked.data = text;
        atomic_thread_fence(memory_order_seq_cst);
        uint64_t begun = now_ns();
        const struct keyring_key *found = keyring_find(ring, asked, 1);
        uint64_t took = now_ns() - begun;
        if (!!found != (c == RIGHT))
            abort();
        times[c][at[c]++] = (uint32_t)took;
        left--;
    }
}

int main(int argc, char **argv)
{
    size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 200000;
    char path[] = "/tmp/key-time-XXXXXX";
    struct pepper *pepper = NULL;
    uint32_t *times[CLASSES];

    int fd = mkstemp(path);
    if (fd < 0 || close(fd) < 0 || unlink(path) < 0 || pepper_load(path, &pepper) != 0)
        return 1;
    unlink(path);
    for (unsigned c = 0; c < CLASSES; c++)
        if (!(times[c] = calloc(n, sizeof(**times))))
            return 1;
    struct keyring *ring = make_ring(pepper);
    look(ring, times, n);
    struct moments base = describe(times[WRONG], n);
    for (unsigned c = 0; c < CLASSES; c++) {
        struct moments m = c == WRONG ? base : describe(times[c], n);
        double t = (m.mean - base.mean) / sqrt(m.variance / m.n + base.variance / base.n);
        printf("%-18s %7.0f ns   t = %6.2f\n", names[c], m.mean, t);
        free(times[c]);
    }
    keyring_unref(&ring);
    pepper_free(&pepper);
    return 0;
}
