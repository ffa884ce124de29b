#include "repeat.h"

#include "base/digest.h"
#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#define TAIL 512 /* bytes of the messages that are hashed: the newest */

struct entry {
    uint64_t hash;
    usec_t made_at, used_at;
    size_t bytes; /* 0: free */
    struct repeat_question question;
    struct repeat_answer answer;
    char *texts; /* all of them */
};

struct repeat {
    uint64_t seed[2];
    struct entry entries[REPEAT_MAX_ENTRIES];
    size_t n, bytes;
};

struct repeat *repeat_new(void)
{
    struct repeat *r = calloc(1, sizeof(*r));

    if (!r)
        abort();
    digest_random(r->seed, sizeof(r->seed));
    return r;
}

static void drop(struct repeat *r, struct entry *e)
{
    r->n--;
    r->bytes -= e->bytes;
    free(e->texts);
    *e = (struct entry){.bytes = 0};
}

void repeat_clear(struct repeat *r)
{
    for (size_t i = 0; i < REPEAT_MAX_ENTRIES; i++)
        if (r->entries[i].bytes > 0)
            drop(r, &r->entries[i]);
}

void repeat_free(struct repeat **r)
{
    if (!*r)
        return;
    repeat_clear(*r);
    free(*r);
    *r = NULL;
}

size_t repeat_entries(const struct repeat *r)
{
    return r->n;
}

static uint64_t hash(const struct repeat *r, const struct repeat_question *q)
{
    struct str newest = q->messages.len > 0 ? q->messages : q->request;
    size_t skipped = newest.len > TAIL ? newest.len - TAIL : 0;
    uint64_t h = map_hash(r->seed, (struct str){newest.data + skipped, newest.len - skipped});

    return h ^ (q->request.len << 32) ^ q->messages.len ^ q->is_bus;
}

static bool is_same(const struct repeat_question *a, const struct repeat_question *b)
{
    return a->is_bus == b->is_bus && str_equal(a->request, b->request) &&
           str_equal(a->messages, b->messages);
}

const struct repeat_answer *repeat_find(struct repeat *r, const struct repeat_question *q,
                                        usec_t now)
{
    uint64_t h = hash(r, q);

    for (size_t i = 0; i < REPEAT_MAX_ENTRIES; i++) {
        struct entry *e = &r->entries[i];
        if (e->bytes == 0 || e->hash != h || !is_same(&e->question, q))
            continue;
        if (now > e->made_at + REPEAT_LIFE) {
            drop(r, e);
            return NULL;
        }
        e->used_at = now;
        return &e->answer;
    }
    return NULL;
}

/* A free place, or the one that was used longest ago. */
static struct entry *find_place(struct repeat *r)
{
    struct entry *oldest = &r->entries[0];

    for (size_t i = 0; i < REPEAT_MAX_ENTRIES; i++) {
        struct entry *e = &r->entries[i];
        if (e->bytes == 0)
            return e;
        if (e->used_at < oldest->used_at)
            oldest = e;
    }
    drop(r, oldest);
    return oldest;
}

static struct entry *find_oldest(struct repeat *r)
{
    struct entry *oldest = NULL;

    for (size_t i = 0; i < REPEAT_MAX_ENTRIES; i++) {
        struct entry *e = &r->entries[i];
        if (e->bytes > 0 && (!oldest || e->used_at < oldest->used_at))
            oldest = e;
    }
    return oldest;
}

static char *put(char *to, struct str *text)
{
    if (text->len > 0)
        memcpy(to, text->data, text->len);
    text->data = to;
    return to + text->len;
}

void repeat_keep(struct repeat *r, const struct repeat_question *q, const struct repeat_answer *a,
                 usec_t now)
{
    size_t bytes = q->request.len + q->messages.len + a->text.len + a->messages.len;

    if (bytes == 0 || bytes > REPEAT_MAX_BYTES / 4)
        return;
    while (r->bytes + bytes > REPEAT_MAX_BYTES)
        drop(r, find_oldest(r));
    struct entry *e = find_place(r);
    *e = (struct entry){.hash = hash(r, q),
                        .made_at = now,
                        .used_at = now,
                        .bytes = bytes,
                        .question = *q,
                        .answer = *a,
                        .texts = malloc(bytes)};
    if (!e->texts)
        abort();
    char *to = put(e->texts, &e->question.request);
    to = put(to, &e->question.messages);
    to = put(to, &e->answer.text);
    put(to, &e->answer.messages);
    r->n++;
    r->bytes += bytes;
}
