#include "io/trail_head.h"

#include "base/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define HEX       (2 * DIGEST_SIZE)
#define SEQ_LEN   20
#define SLOT_SIZE (SEQ_LEN + 1 + HEX + 1 + HEX + 1) /* "seq hash seal\n" */

int trail_head_open(const char *path, int *ret_fd)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        int r = -errno;
        close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

/* The first two fields are in `slot`; the third seals them. */
static void seal(const char *slot, const uint8_t key[CHAIN_KEY_SIZE], char *ret_hex)
{
    uint8_t digest[DIGEST_SIZE];
    char text[8 + SEQ_LEN + 1 + HEX];
    memcpy(text, "head\0\0\0\0", 8); /* no record's fields begin so */
    memcpy(text + 8, slot, SEQ_LEN + 1 + HEX);
    digest_hmac((struct str){(const char *)key, CHAIN_KEY_SIZE}, (struct str){text, sizeof(text)},
                digest);
    digest_hex(digest, sizeof(digest), ret_hex);
}

int trail_head_write(int fd, const uint8_t key[CHAIN_KEY_SIZE], const struct chain *c)
{
    char slot[SLOT_SIZE + 1], hash[HEX + 1], sealed[HEX + 1];
    digest_hex(c->hash, DIGEST_SIZE, hash);
    snprintf(slot, sizeof(slot), "%020" PRIu64 " %s ", c->seq, hash);
    seal(slot, key, sealed);
    snprintf(slot + SEQ_LEN + 1 + HEX + 1, HEX + 2, "%s\n", sealed);
    ssize_t n = pwrite(fd, slot, SLOT_SIZE, (off_t)(c->seq % 2 * SLOT_SIZE));
    if (n != SLOT_SIZE)
        return n < 0 ? -errno : -ENOSPC;
    return 0;
}

static bool read_slot(const char *slot, const uint8_t key[CHAIN_KEY_SIZE], struct chain *ret)
{
    char sealed[HEX + 1];
    struct str seq = {slot, SEQ_LEN};
    const char *hex = slot + SEQ_LEN + 1;
    seal(slot, key, sealed);
    if (memcmp(sealed, slot + SEQ_LEN + 1 + HEX + 1, HEX) != 0 || !parse_u64(seq, &ret->seq))
        return false;
    for (size_t i = 0; i < DIGEST_SIZE; i++) {
        uint64_t byte;
        if (!parse_hex((struct str){hex + 2 * i, 2}, &byte))
            return false;
        ret->hash[i] = (uint8_t)byte;
    }
    return true;
}

bool trail_head_read(const char *path, const uint8_t key[CHAIN_KEY_SIZE], struct chain *ret)
{
    char slots[2 * SLOT_SIZE];
    bool is_found = false;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = pread(fd, slots, sizeof(slots), 0);
    close(fd);
    for (size_t i = 0; i < 2 && n >= (ssize_t)((i + 1) * SLOT_SIZE); i++) {
        struct chain c;
        if (!read_slot(slots + i * SLOT_SIZE, key, &c) || (is_found && c.seq < ret->seq))
            continue;
        *ret = c;
        is_found = true;
    }
    return is_found;
}
