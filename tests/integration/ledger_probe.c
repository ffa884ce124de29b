/* Drives the real spools and the real ledger for test_ledger.py.
 *
 *   ledger_probe DIR load THREADS TALLY CYCLE   open and settle requests until killed
 *   ledger_probe DIR serve SLOTS                answer the commands on standard input
 *   ledger_probe DIR bench N                    the cost of one append
 *   ledger_probe DIR fill N                     N requests over 30 days until now, 20 keys, 5
 * models
 */
#include "base/clock.h"
#include "ledger.h"
#include "ledger_entry.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAX_THREADS 16

/* In a mapped file, so that it tells after the kill what had been acknowledged before. */
struct tally {
    _Alignas(64) _Atomic uint64_t opened;
    _Atomic uint64_t settled;
};

struct worker {
    struct spool *spool;
    struct tally *tally;
    unsigned number;
    const char *cycle;
    pthread_t thread;
};

static struct ledger *open_ledger(const char *dir, unsigned n, uint32_t slots)
{
    char error[512];
    struct ledger *l = NULL;
    struct ledger_config c = {.state_dir = dir, .n_spools = n, .spool_slots = slots};
    if (ledger_open(&c, &l, error, sizeof(error)) != 0) {
        fprintf(stderr, "%s\n", error);
        exit(1);
    }
    if (ledger_start(l) != 0)
        abort();
    return l;
}

static struct ledger_entry entry_of(const char *request_id)
{
    struct ledger_entry e;
    ledger_entry_init(&e);
    e.request_id = str_from(request_id);
    e.key_id = STR("k_abcdefghij");
    e.api = STR("chat.completions");
    e.model = STR("smart");
    e.provider = STR("openai");
    e.backend = STR("cloud");
    e.started_at = clock_wall();
    return e;
}

static void settle(struct ledger_entry *e, struct spool *s, uint64_t number)
{
    struct ledger_attempt a;
    ledger_entry_init_attempt(&a);
    a.number = 1;
    a.provider = STR("openai");
    a.model = STR("gpt-5");
    a.outcome = STR("ok");
    a.started_at = e->started_at;
    a.duration = 100;
    ledger_entry_add_attempt(e, s, &a);
    e->status = LEDGER_SUCCESS;
    e->tokens_in = 10;
    e->tokens_out = 20;
    e->cost_nano = (int64_t)(7 * number + 1);
    e->usage_source = LEDGER_SOURCE_UPSTREAM;
    e->attempts = 1;
    if (ledger_entry_settle(e, s, NULL) != SPOOL_OK)
        abort();
}

#define AT_ONCE 4 /* requests of one worker in flight */

static void *work(void *arg)
{
    struct worker *w = arg;
    struct ledger_entry entries[AT_ONCE];
    char ids[AT_ONCE][64];
    for (uint64_t k = 0;;) {
        struct ledger_entry *e = &entries[k % AT_ONCE];
        if (k >= AT_ONCE) {
            settle(e, w->spool, k - AT_ONCE);
            atomic_store(&w->tally->settled, k - AT_ONCE + 1);
        }
        snprintf(ids[k % AT_ONCE], sizeof(ids[0]), "c%s-w%u-%llu", w->cycle, w->number,
                 (unsigned long long)k);
        *e = entry_of(ids[k % AT_ONCE]);
        while (ledger_entry_open(e, w->spool) != SPOOL_OK)
            usleep(1000); /* faster than the disk: wait for it */
        atomic_store(&w->tally->opened, ++k);
        if (k % 64 == 0)
            usleep(500);
    }
    return NULL;
}

static int load(const char *dir, unsigned n_threads, const char *path, const char *cycle)
{
    size_t size = MAX_THREADS * sizeof(struct tally);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
        abort();
    struct tally *tallies = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (tallies == MAP_FAILED)
        abort();

    static struct worker workers[MAX_THREADS];
    struct ledger *l = open_ledger(dir, n_threads, 4096);
    for (unsigned i = 0; i < n_threads; i++) {
        workers[i] = (struct worker){
            .spool = ledger_spool(l, i), .tally = &tallies[i], .number = i, .cycle = cycle};
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            abort();
    }
    puts("ready");
    fflush(stdout);
    for (;;)
        pause();
}

static void put(struct spool *s, uint64_t n)
{
    static uint64_t number;
    uint64_t n_put = 0, n_full = 0;
    usec_t longest = 0;
    for (uint64_t i = 0; i < n; i++) {
        char id[32];
        usec_t begin = clock_now();
        snprintf(id, sizeof(id), "put-%llu", (unsigned long long)number);
        struct ledger_entry e = entry_of(id);
        if (ledger_entry_open(&e, s) == SPOOL_OK) {
            settle(&e, s, number++);
            n_put++;
        } else {
            n_full++;
        }
        usec_t took = clock_now() - begin;
        longest = took > longest ? took : longest;
    }
    printf("put %llu full %llu longest_us %llu\n", (unsigned long long)n_put,
           (unsigned long long)n_full, (unsigned long long)longest);
}

static int serve(const char *dir, uint32_t slots)
{
    struct ledger *l = open_ledger(dir, 1, slots);
    struct spool *s = ledger_spool(l, 0);
    char line[64];
    setvbuf(stdout, NULL, _IOLBF, 0);
    puts("ready");
    while (fgets(line, sizeof(line), stdin)) {
        if (strncmp(line, "put ", 4) == 0)
            put(s, strtoull(line + 4, NULL, 10));
        else if (strcmp(line, "available\n") == 0)
            puts(ledger_is_available(l, clock_now()) ? "yes" : "no");
        else if (strcmp(line, "pending\n") == 0)
            printf("%llu\n", (unsigned long long)spool_pending(s));
        else
            break;
    }
    ledger_stop(&l);
    puts("stopped");
    return 0;
}

static int bench(const char *dir, uint64_t n)
{
    struct ledger *l = open_ledger(dir, 1, 0);
    struct spool *s = ledger_spool(l, 0);
    usec_t spent = 0;
    uint64_t records = 0, begin_all = clock_now();
    while (records < 3 * n) {
        while (spool_pending(s) > 0)
            usleep(100);
        usec_t begin = clock_now();
        for (uint64_t i = 0; i < 1000; i++) {
            struct ledger_entry e = entry_of("0f3c1b7f-5be2-4c0c-9d35-f2f0a8a4c1d6");
            if (ledger_entry_open(&e, s) != SPOOL_OK)
                abort();
            settle(&e, s, i);
        }
        spent += clock_now() - begin;
        records += 3000;
    }
    while (spool_pending(s) > 0)
        usleep(100);
    usec_t all = clock_now() - begin_all;
    printf("{\"append_ns\": %.1f, \"requests_per_second\": %.0f}\n",
           (double)spent * 1000 / (double)records, (double)records / 3 * 1e6 / (double)all);
    ledger_stop(&l);
    return 0;
}

/* Even in time; as many different sums as a busy house has. */
static int fill(const char *dir, uint64_t n)
{
    struct ledger *l = open_ledger(dir, 1, 0);
    struct spool *s = ledger_spool(l, 0);
    usec_t month = 30 * UINT64_C(86400) * USEC_PER_SEC, begin = clock_wall() - month;
    for (uint64_t i = 0; i < n; i++) {
        char key[32], model[32];
        snprintf(key, sizeof(key), "k_%010llu", (unsigned long long)(i * 7 % 20));
        snprintf(model, sizeof(model), "model-%llu", (unsigned long long)(i % 5));
        struct ledger_entry e = entry_of("0f3c1b7f-5be2-4c0c-9d35-f2f0a8a4c1d6");
        e.key_id = str_from(key);
        e.model = str_from(model);
        e.provider = i % 3 ? STR("openai") : STR("anthropic");
        e.started_at = begin + i * (month / n);
        while (ledger_entry_open(&e, s) != SPOOL_OK)
            usleep(1000);
        settle(&e, s, i);
    }
    while (spool_pending(s) > 0)
        usleep(1000);
    ledger_stop(&l);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 6 && strcmp(argv[2], "load") == 0)
        return load(argv[1], (unsigned)atoi(argv[3]), argv[4], argv[5]);
    if (argc == 4 && strcmp(argv[2], "serve") == 0)
        return serve(argv[1], (uint32_t)atoi(argv[3]));
    if (argc == 4 && strcmp(argv[2], "bench") == 0)
        return bench(argv[1], strtoull(argv[3], NULL, 10));
    if (argc == 4 && strcmp(argv[2], "fill") == 0)
        return fill(argv[1], strtoull(argv[3], NULL, 10));
    return 2;
}
