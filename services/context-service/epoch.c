#include "epoch.h"

#include <string.h>

#define READ_PRICE 0.1
#define WORTH      2 /* times what it costs must be saved: what is left out is a loss, too */
#define MARK       "\"cache_control\""

enum epoch_verdict epoch_decide(const struct epoch_situation *s)
{
    if (s->tokens > s->budget || s->tokens > s->water.high + s->water.high / 4)
        return EPOCH_BEGIN;
    if (s->tokens <= s->water.high || s->tokens <= s->water.low)
        return EPOCH_GO_ON;
    if (s->is_cold || s->turns == 0 || s->grown == 0)
        return EPOCH_BEGIN;

    /* The turns from the low-water mark up to here, of which the shorter prompt would have saved
     * half of what this one would. */
    double per_turn = (double)s->grown / (double)s->turns;
    double excess = (double)(s->tokens - s->water.low);
    double saved = excess * READ_PRICE * (excess / per_turn) / 2;
    double cost = (double)s->water.low * (s->write_price - READ_PRICE);
    return saved >= WORTH * cost ? EPOCH_BEGIN : EPOCH_GO_ON;
}

static bool has_mark(struct str text)
{
    return memmem(text.data, text.len, MARK, strlen(MARK)) != NULL;
}

/* A marker stands in a message or in a part of its content, never in what a tool is called with. */
static bool may_hold_mark(const struct json_value *parent, const struct json_value *child)
{
    if (json_is(parent, JSON_ARRAY))
        return json_is(child, JSON_OBJECT);
    return str_is(child->key, "content") && json_is(child, JSON_ARRAY);
}

static char *append(char *to, const char *from, const char *end)
{
    memcpy(to, from, (size_t)(end - from));
    return to + (end - from);
}

/* Appends `v` as it is spelled, but for the markers. */
static char *unmark(char *to, const struct json_value *v)
{
    const char *from = v->raw.data;

    for (const struct json_value *c = v->child; c; c = c->next) {
        const char *end = c->raw.data + c->raw.len;
        if (json_is(v, JSON_OBJECT) && str_is(c->key, "cache_control")) {
            const char *begin = c->key_raw.data;
            while (c != v->child && begin[-1] != ',') /* its comma goes with it … */
                begin--;
            to = append(to, from, begin - (c != v->child));
            from = c == v->child && c->next ? c->next->key_raw.data : end; /* … or the next one's */
        } else if (may_hold_mark(v, c) && has_mark(c->raw)) {
            to = unmark(append(to, from, c->raw.data), c);
            from = end;
        }
    }
    return append(to, from, v->raw.data + v->raw.len);
}

static struct str without_marks(struct arena *a, const struct json_value *v)
{
    if (!has_mark(v->raw))
        return v->raw;
    char *text = arena_alloc(a, v->raw.len);
    return (struct str){text, text ? (size_t)(unmark(text, v) - text) : 0};
}

/* The digest of what came before, and of one more message. */
static void link(const uint8_t *before, struct str text, uint8_t *ret)
{
    uint8_t both[2 * DIGEST_SIZE] = {0};

    if (before)
        memcpy(both, before, DIGEST_SIZE);
    digest_sha256(text, both + DIGEST_SIZE);
    digest_sha256((struct str){(const char *)both, sizeof(both)}, ret);
}

bool epoch_chain_make(struct arena *a, const struct json_value *messages, struct epoch_chain *ret)
{
    size_t i = 0;

    *ret = (struct epoch_chain){.n = messages->n_children};
    ret->digests = arena_alloc(a, (ret->n + 1) * DIGEST_SIZE);
    ret->marks = arena_alloc(a, (ret->n + 1) * DIGEST_SIZE);
    if (!ret->digests || !ret->marks)
        return false;
    bool is_marked = false;
    for (const struct json_value *m = messages->child; m; m = m->next, i++) {
        struct str plain = without_marks(a, m);
        if (!plain.data)
            return false;
        is_marked |= plain.data != m->raw.data;
        link(i > 0 ? ret->digests[i - 1] : NULL, plain, ret->digests[i]);
        if (is_marked)
            link(i > 0 ? ret->marks[i - 1] : NULL, m->raw, ret->marks[i]);
        else
            memcpy(ret->marks[i], ret->digests[i], DIGEST_SIZE);
    }
    return true;
}

/* Where number `i` of the messages begins in the list, from the last one backwards. */
struct backwards {
    const struct json_value **all;
    size_t n;
};

static bool look_back(struct arena *a, const struct json_value *messages, struct backwards *ret)
{
    *ret = (struct backwards){.n = 0};
    ret->all = arena_alloc(a, (messages->n_children + 1) * sizeof(const struct json_value *));
    for (const struct json_value *m = messages->child; ret->all && m; m = m->next)
        ret->all[ret->n++] = m;
    return ret->all != NULL;
}

bool epoch_split_make(struct arena *a, const struct json_value *messages, struct str condensed,
                      size_t ahead, struct epoch_split *ret)
{
    struct backwards b;

    if (!look_back(a, messages, &b))
        return false;
    size_t n = b.n, end = condensed.len - 1; /* at the bracket, later at a comma */
    while (n > 1 && n > ahead) {
        struct str raw = b.all[n - 1]->raw;
        if (raw.len + 2 > end || condensed.data[end - raw.len - 1] != ',' ||
            memcmp(condensed.data + end - raw.len, raw.data, raw.len) != 0)
            break;
        end -= raw.len + 1;
        n--;
    }
    *ret = (struct epoch_split){.n_source = n, .frozen = {condensed.data + 1, end - 1}};
    return true;
}

struct str epoch_join(struct arena *a, struct str frozen, const struct json_value *messages,
                      size_t from)
{
    size_t len = frozen.len + 2, i = 0;

    for (const struct json_value *m = messages->child; m; m = m->next)
        len += i++ >= from ? m->raw.len + 1 : 0;
    char *text = arena_alloc(a, len), *to = text;
    if (!text)
        return (struct str){NULL, 0};
    *to++ = '[';
    to = append(to, frozen.data, frozen.data + frozen.len);
    i = 0;
    for (const struct json_value *m = messages->child; m; m = m->next) {
        if (i++ < from)
            continue;
        *to++ = ',';
        to = append(to, m->raw.data, m->raw.data + m->raw.len);
    }
    *to++ = ']';
    return (struct str){text, (size_t)(to - text)};
}

struct str epoch_unmark(struct arena *a, struct str frozen)
{
    const struct json_value *root;
    size_t offset;

    if (!has_mark(frozen))
        return frozen;
    char *text = arena_printf(a, "[%.*s]", STR_ARG(frozen));
    if (!text || json_parse(a, (struct str){text, frozen.len + 2}, &root, &offset) != JSON_OK)
        return (struct str){NULL, 0};
    struct str plain = without_marks(a, root);
    return plain.data ? (struct str){plain.data + 1, plain.len - 2} : plain;
}
