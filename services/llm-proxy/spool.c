#include "spool.h"

#include "base/digest.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC       UINT64_C(0x314c4f4f50534c4c) /* "LLSPOOL1" in memory order */
#define HEADER_SIZE 4096
#define STAMP_BITS  8    /* of the lane, below the time */
#define BURST       4096 /* slots, 2 MiB */

struct header {
    uint64_t magic; /* written last: a file without it was never used */
    uint32_t slot_size, n_slots;
    int64_t identity;
    _Alignas(64) _Atomic uint64_t tail; /* everything before this sequence was advanced over */
};

struct slot {
    _Atomic uint64_t sequence; /* from 1; written last */
    uint32_t len, checksum;
    unsigned char payload[SPOOL_MAX_PAYLOAD];
};

static_assert(sizeof(struct slot) == SPOOL_SLOT_SIZE, "a slot is a slot");

/* What an earlier process left, by sequence: slots are in no order the reader could guess. */
struct leftover {
    uint64_t sequence;
    uint32_t at;
};

struct spool {
    struct header *header;
    struct slot *slots;
    uint32_t n_slots;
    struct spool_wake *wake;

    /* the writer's */
    _Alignas(64) _Atomic uint64_t head; /* the next sequence */
    uint64_t base;                      /* the sequence in slot 0 */
    uint64_t promised;
    int64_t last_stamp;
    uint8_t lane;

    /* the reader's */
    _Alignas(64) uint64_t cursor;
    uint64_t cursor_base;
    struct leftover *leftovers;
    size_t n_leftovers, next_leftover, safe_leftover;
    uint64_t extent; /* slots used since the pages were last given back */
    uint64_t lost;
};

static size_t file_size(uint32_t n_slots)
{
    return HEADER_SIZE + (size_t)n_slots * SPOOL_SLOT_SIZE;
}

static uint32_t checksum(uint64_t sequence, const struct slot *slot)
{
    uint64_t h = (sequence << 9 | slot->len) * UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = 0; i < slot->len; i += 8) {
        uint64_t word;
        memcpy(&word, slot->payload + i, sizeof(word));
        h = (h ^ word) * UINT64_C(0xd6e8feb86659fd93);
        h ^= h >> 32;
    }
    return (uint32_t)(h ^ h >> 29);
}

static bool is_whole(const struct slot *slot, uint64_t sequence)
{
    return sequence > 0 && slot->len <= SPOOL_MAX_PAYLOAD &&
           slot->checksum == checksum(sequence, slot);
}

void spool_trim(struct spool *s)
{
    (void)!madvise(s->slots, (size_t)s->n_slots * SPOOL_SLOT_SIZE, MADV_DONTNEED);
    s->extent = 0;
}

static int by_sequence(const void *a, const void *b)
{
    uint64_t left = ((const struct leftover *)a)->sequence;
    uint64_t right = ((const struct leftover *)b)->sequence;
    return (left > right) - (left < right);
}

static void find_leftovers(struct spool *s)
{
    uint64_t tail = atomic_load(&s->header->tail);
    uint64_t head = tail;
    for (uint32_t i = 0; i < s->n_slots; i++) {
        uint64_t sequence = atomic_load_explicit(&s->slots[i].sequence, memory_order_relaxed);
        if (sequence < tail || !is_whole(&s->slots[i], sequence))
            continue;
        if (!s->leftovers)
            s->leftovers = calloc(s->n_slots, sizeof(*s->leftovers));
        assert(s->leftovers);
        s->leftovers[s->n_leftovers++] = (struct leftover){sequence, i};
        if (sequence >= head)
            head = sequence + 1;
    }
    if (s->n_leftovers)
        qsort(s->leftovers, s->n_leftovers, sizeof(*s->leftovers), by_sequence);
    atomic_store(&s->head, head);
    s->cursor = tail;
    s->lost = head - tail - s->n_leftovers;
    spool_trim(s);
}

static int make_file(int fd, uint32_t n_slots)
{
    int r = posix_fallocate(fd, 0, (off_t)file_size(n_slots));
    if (r)
        return -r;

    struct header h = {.slot_size = SPOOL_SLOT_SIZE, .n_slots = n_slots, .tail = 1};
    digest_random(&h.identity, sizeof(h.identity));
    if (pwrite(fd, &h, sizeof(h), 0) < 0 || fsync(fd) < 0)
        return -errno;
    uint64_t magic = MAGIC;
    if (pwrite(fd, &magic, sizeof(magic), 0) < 0 || fsync(fd) < 0)
        return -errno;
    return 0;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static int map_file(const char *path, uint32_t n_slots, struct spool *s)
{
    CLEANUP(close_fd) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;

    struct header h = {0};
    ssize_t n = pread(fd, &h, sizeof(h), 0);
    if (n < 0)
        return -errno;
    if (h.magic == 0) {
        int r = make_file(fd, n_slots);
        if (r) {
            unlink(path);
            return r;
        }
        if (pread(fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h))
            return -EIO;
    }

    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (h.magic != MAGIC || h.slot_size != SPOOL_SLOT_SIZE || h.n_slots < 2 ||
        (uint64_t)st.st_size != file_size(h.n_slots))
        return SPOOL_DAMAGED;

    void *map = mmap(NULL, file_size(h.n_slots), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return -errno;
    s->header = map;
    s->slots = (struct slot *)((char *)map + HEADER_SIZE);
    s->n_slots = h.n_slots;
    return SPOOL_OK;
}

int spool_open(const char *path, uint32_t n_slots, struct spool **ret)
{
    assert(n_slots >= 2);
    CLEANUP(spool_close) struct spool *s = aligned_alloc(64, sizeof(*s));
    if (!s)
        return -ENOMEM;
    memset(s, 0, sizeof(*s));

    int r = map_file(path, n_slots, s);
    if (r)
        return r;
    find_leftovers(s);
    *ret = TAKE(s);
    return SPOOL_OK;
}

void spool_close(struct spool **s)
{
    if (!*s)
        return;
    if ((*s)->header)
        munmap((*s)->header, file_size((*s)->n_slots));
    free((*s)->leftovers);
    free(*s);
    *s = NULL;
}

int64_t spool_identity(const struct spool *s)
{
    return s->header->identity;
}

uint32_t spool_slots(const struct spool *s)
{
    return s->n_slots;
}

/* Records that are not advanced over were all written since the ring was last empty, so they lie in
 * a row. */
static bool is_in_a_row(const struct spool *s)
{
    const struct leftover *first = &s->leftovers[s->safe_leftover];
    size_t n = s->n_leftovers - s->safe_leftover;
    for (size_t i = 0; i < n; i++)
        if (first[i].sequence != first->sequence + i || first[i].at != (first->at + i) % s->n_slots)
            return false;
    return first->sequence + n == atomic_load(&s->head);
}

enum spool_result spool_prepare(struct spool *s, uint8_t lane, int64_t after,
                                struct spool_wake *wake)
{
    assert(wake);
    if (s->safe_leftover < s->n_leftovers) {
        if (!is_in_a_row(s))
            return SPOOL_DAMAGED;
        const struct leftover *first = &s->leftovers[s->safe_leftover];
        s->base = first->sequence - first->at; /* may wrap; differences are what counts */
        s->cursor = first->sequence;
    } else {
        s->base = s->cursor = atomic_load(&s->head);
    }
    free(s->leftovers);
    s->leftovers = NULL;
    s->n_leftovers = s->next_leftover = s->safe_leftover = 0;
    s->cursor_base = s->base;
    atomic_store(&s->header->tail, s->cursor);
    s->last_stamp = after >> STAMP_BITS;
    s->lane = lane;
    s->wake = wake;
    return SPOOL_OK;
}

enum spool_result spool_promise(struct spool *s, unsigned n_slots)
{
    uint64_t used = atomic_load_explicit(&s->head, memory_order_relaxed) + s->promised -
                    atomic_load_explicit(&s->header->tail, memory_order_acquire);
    if (used + n_slots > s->n_slots)
        return SPOOL_FULL;
    s->promised += n_slots;
    return SPOOL_OK;
}

void spool_release(struct spool *s, unsigned n_slots)
{
    assert(s->promised >= n_slots);
    s->promised -= n_slots;
}

static struct slot *slot_of(struct spool *s, uint64_t base, uint64_t sequence)
{
    return &s->slots[(sequence - base) % s->n_slots];
}

void *spool_reserve(struct spool *s)
{
    assert(s->wake && s->promised > 0);
    uint64_t head = atomic_load_explicit(&s->head, memory_order_relaxed);
    if (atomic_load_explicit(&s->header->tail, memory_order_acquire) == head)
        s->base = head;
    return slot_of(s, s->base, head)->payload;
}

void spool_publish(struct spool *s, size_t len)
{
    assert(s->promised > 0 && len <= SPOOL_MAX_PAYLOAD);
    uint64_t head = atomic_load_explicit(&s->head, memory_order_relaxed);
    struct slot *slot = slot_of(s, s->base, head);
    while (len % 8)
        slot->payload[len++] = 0;
    slot->len = (uint32_t)len;
    slot->checksum = checksum(head, slot);
    atomic_store_explicit(&slot->sequence, head, memory_order_release);
    s->promised--;

    /* either the reader sees this record before it sleeps, or we see that it is asleep */
    atomic_store(&s->head, head + 1);
    if (atomic_load(&s->wake->is_asleep) && atomic_exchange(&s->wake->is_asleep, false)) {
        uint64_t one = 1;
        /* fails only when the eventfd is full, and then the reader wakes all the same */
        (void)!write(s->wake->fd, &one, sizeof(one));
    }
}

int64_t spool_stamp(struct spool *s, usec_t wall)
{
    int64_t now = (int64_t)wall;
    s->last_stamp = now > s->last_stamp ? now : s->last_stamp + 1;
    return s->last_stamp << STAMP_BITS | s->lane;
}

bool spool_has_news(const struct spool *s)
{
    return s->wake ? s->cursor < atomic_load(&s->head) : s->next_leftover < s->n_leftovers;
}

void spool_advance(struct spool *s, uint64_t position)
{
    assert(position <= s->cursor);
    while (s->safe_leftover < s->next_leftover &&
           s->leftovers[s->safe_leftover].sequence < position)
        s->safe_leftover++;
    if (spool_safe_position(s) == position)
        return;
    atomic_store_explicit(&s->header->tail, position, memory_order_release);
    if (s->cursor - s->cursor_base > s->extent)
        s->extent = s->cursor - s->cursor_base;
}

bool spool_is_large(const struct spool *s)
{
    return s->extent >= BURST;
}

void spool_skip_to(struct spool *s, uint64_t position)
{
    while (s->next_leftover < s->n_leftovers && s->leftovers[s->next_leftover].sequence < position)
        s->next_leftover++;
    if (position > s->cursor)
        s->cursor = position;
    spool_advance(s, s->cursor);
    if (position > atomic_load(&s->head))
        atomic_store(&s->head, position);
    s->lost = atomic_load(&s->head) - s->cursor - (s->n_leftovers - s->next_leftover);
}

static const void *read_slot(struct spool *s, const struct slot *slot, size_t *ret_len)
{
    s->cursor++;
    *ret_len = slot->len;
    return slot->payload;
}

const void *spool_next(struct spool *s, size_t *ret_len)
{
    if (s->next_leftover < s->n_leftovers) {
        const struct leftover *left = &s->leftovers[s->next_leftover++];
        s->cursor = left->sequence;
        return read_slot(s, &s->slots[left->at], ret_len);
    }
    if (!spool_has_news(s))
        return NULL;

    const struct slot *slot = slot_of(s, s->cursor_base, s->cursor);
    if (atomic_load_explicit(&slot->sequence, memory_order_relaxed) != s->cursor) {
        s->cursor_base = s->cursor; /* the writer found the ring empty and started again */
        slot = &s->slots[0];
    }
    return read_slot(s, slot, ret_len);
}

uint64_t spool_position(const struct spool *s)
{
    return s->cursor;
}

uint64_t spool_safe_position(const struct spool *s)
{
    return atomic_load_explicit(&s->header->tail, memory_order_relaxed);
}

void spool_rewind(struct spool *s)
{
    s->next_leftover = s->safe_leftover;
    s->cursor = spool_safe_position(s);
}

uint64_t spool_pending(const struct spool *s)
{
    uint64_t tail = atomic_load_explicit(&s->header->tail, memory_order_relaxed);
    uint64_t head = atomic_load_explicit(&s->head, memory_order_relaxed);
    return head > tail ? head - tail : 0;
}

uint64_t spool_lost(const struct spool *s)
{
    return s->lost;
}
