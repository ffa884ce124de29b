#include "base/chain.h"

#include "base/decimal.h"
#include "base/parse.h"

#include <string.h>

#define HEX (2 * DIGEST_SIZE)

static const char begin_seq[] = "{\"seq\":", begin_time[] = ",\"time\":\"",
                  begin_event[] = "\",\"event\":\"",
                  begin_data[] = "\",\"data\":", begin_prev[] = ",\"prev\":\"",
                  begin_hash[] = "\",\"hash\":\"", end[] = "\"}";

#define LEN(literal) (sizeof(literal) - 1)
#define TAIL_LEN     (LEN(begin_prev) + HEX + LEN(begin_hash) + HEX + LEN(end))

static size_t put(uint8_t *to, size_t at, const void *bytes, size_t len)
{
    for (unsigned i = 0; i < 8; i++)
        to[at + i] = (uint8_t)((uint64_t)len >> (8 * i));
    if (len > 0)
        memcpy(to + at + 8, bytes, len);
    return at + 8 + len;
}

static void seal(const uint8_t key[CHAIN_KEY_SIZE], const struct chain_record *r,
                 uint8_t ret_hash[DIGEST_SIZE])
{
    uint8_t fields[CHAIN_MAX_LINE + 64];
    char seq[DECIMAL_SIZE];
    size_t n = put(fields, 0, seq, decimal_u64(r->seq, seq));
    n = put(fields, n, r->time.data, r->time.len);
    n = put(fields, n, r->event.data, r->event.len);
    n = put(fields, n, r->data.data, r->data.len);
    n = put(fields, n, r->prev, DIGEST_SIZE);
    digest_hmac((struct str){(const char *)key, CHAIN_KEY_SIZE},
                (struct str){(const char *)fields, n}, ret_hash);
}

static bool is_word(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.data[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(c >= '0' && c <= '9') && !memchr(":.-_", c, 4))
            return false;
    }
    return s.len > 0 && s.len <= 64;
}

/* JSON has no control character as itself, so neither a newline nor a NUL. */
static bool has_controls(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.data[i] < 0x20)
            return true;
    return false;
}

static bool is_plain(const struct chain_record *r)
{
    return is_word(r->time) && is_word(r->event) && r->data.len >= 2 &&
           r->data.len <= CHAIN_MAX_DATA && r->data.data[0] == '{' &&
           r->data.data[r->data.len - 1] == '}' && !has_controls(r->data);
}

/* All or nothing. */
static enum buf_result add_all(struct buf *out, const struct str *parts, size_t n)
{
    size_t len = 0;
    for (size_t i = 0; i < n; i++)
        len += parts[i].len;
    char *to = buf_reserve(out, len);
    if (!to)
        return BUF_FULL;
    for (size_t i = 0; i < n; to += parts[i++].len)
        memcpy(to, parts[i].data, parts[i].len);
    buf_commit(out, len);
    return BUF_OK;
}

enum buf_result chain_append(struct chain *c, const uint8_t key[CHAIN_KEY_SIZE],
                             const struct chain_record *record, struct buf *out)
{
    struct chain_record r = *record;
    char seq[DECIMAL_SIZE], prev[HEX + 1], hash[HEX + 1];
    r.seq = c->seq + 1;
    memcpy(r.prev, c->hash, DIGEST_SIZE);
    if (!is_plain(&r))
        return BUF_FULL;
    seal(key, &r, r.hash);
    digest_hex(r.prev, DIGEST_SIZE, prev);
    digest_hex(r.hash, DIGEST_SIZE, hash);
    const struct str parts[] = {STR(begin_seq),   {seq, decimal_u64(r.seq, seq)},
                                STR(begin_time),  r.time,
                                STR(begin_event), r.event,
                                STR(begin_data),  r.data,
                                STR(begin_prev),  {prev, HEX},
                                STR(begin_hash),  {hash, HEX},
                                STR(end),         STR("\n")};
    if (add_all(out, parts, sizeof(parts) / sizeof(*parts)) == BUF_FULL)
        return BUF_FULL;
    c->seq = r.seq;
    memcpy(c->hash, r.hash, DIGEST_SIZE);
    return BUF_OK;
}

static bool skip(struct str *rest, const char *literal)
{
    if (!str_has_prefix(*rest, literal))
        return false;
    rest->data += strlen(literal);
    rest->len -= strlen(literal);
    return true;
}

/* Up to the first character that is not of a word; an empty text is none. */
static struct str take_word(struct str *rest)
{
    struct str word = {rest->data, 0};
    while (word.len < rest->len && is_word((struct str){rest->data + word.len, 1}))
        word.len++;
    rest->data += word.len;
    rest->len -= word.len;
    return word;
}

static bool take_hash(struct str *rest, uint8_t *ret)
{
    if (rest->len < HEX)
        return false;
    for (size_t i = 0; i < HEX; i++) {
        const char *digits = "0123456789abcdef";
        const char *digit = memchr(digits, rest->data[i], 16);
        if (!digit)
            return false;
        ret[i / 2] = (uint8_t)(ret[i / 2] << 4 | (digit - digits));
    }
    rest->data += HEX;
    rest->len -= HEX;
    return true;
}

bool chain_read(struct str line, struct chain_record *ret)
{
    struct str rest = line;
    if (line.len < TAIL_LEN || line.len >= CHAIN_MAX_LINE)
        return false;
    *ret = (struct chain_record){0};
    if (!skip(&rest, begin_seq))
        return false;
    struct str seq = take_word(&rest);
    if (!parse_u64(seq, &ret->seq) || seq.data[0] == '0' || !skip(&rest, begin_time))
        return false;
    ret->time = take_word(&rest);
    if (!skip(&rest, begin_event))
        return false;
    ret->event = take_word(&rest);
    if (!skip(&rest, begin_data) || rest.len < TAIL_LEN)
        return false;
    ret->data = (struct str){rest.data, rest.len - TAIL_LEN};
    rest = (struct str){rest.data + ret->data.len, TAIL_LEN};
    return skip(&rest, begin_prev) && take_hash(&rest, ret->prev) && skip(&rest, begin_hash) &&
           take_hash(&rest, ret->hash) && skip(&rest, end) && is_plain(ret);
}

enum chain_verdict chain_check(struct chain *c, const uint8_t key[CHAIN_KEY_SIZE],
                               const struct chain_record *r)
{
    uint8_t hash[DIGEST_SIZE];
    seal(key, r, hash);
    if (!digest_equal(hash, r->hash))
        return CHAIN_ALTERED;
    if (r->seq <= c->seq)
        return CHAIN_OUT_OF_ORDER;
    bool is_next = r->seq == c->seq + 1;
    bool is_linked = digest_equal(r->prev, c->hash);
    c->seq = r->seq;
    memcpy(c->hash, r->hash, DIGEST_SIZE);
    if (!is_next)
        return CHAIN_MISSING;
    return is_linked ? CHAIN_OK : CHAIN_FOREIGN;
}
