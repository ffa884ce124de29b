#include "audit_queue.h"

#include <stdio.h>
#include <string.h>

struct header {
    usec_t wall;
    const char *event;
    uint32_t len;
    uint32_t is_critical;
};

void audit_queue_init(struct audit_queue *q)
{
    memset(q, 0, sizeof(*q));
    buf_init(&q->items, AUDIT_QUEUE_MAX_BYTES);
}

void audit_queue_done(struct audit_queue *q)
{
    buf_done(&q->items);
}

bool audit_queue_add(struct audit_queue *q, const struct audit_item *item)
{
    const struct header h = {item->wall, item->event, (uint32_t)item->data.len, item->is_critical};
    size_t size = sizeof(h) + item->data.len;
    char *room = q->items.len + size <= AUDIT_QUEUE_MAX_BYTES ? buf_reserve(&q->items, size) : NULL;
    if (!room) {
        q->n_dropped++;
        return false;
    }
    memcpy(room, &h, sizeof(h));
    memcpy(room + sizeof(h), item->data.data, item->data.len);
    buf_commit(&q->items, size);
    q->n_added++;
    return true;
}

static uint64_t hash_of(const struct audit_item *item)
{
    uint64_t h = (uint64_t)(uintptr_t)item->event;
    for (size_t i = 0; i < item->data.len; i++)
        h = (h ^ (unsigned char)item->data.data[i]) * UINT64_C(0x100000001b3);
    return h;
}

/* The entry of this event and data; else a free one; NULL: the table is full. */
static struct audit_repeat *find_repeat(struct audit_queue *q, const struct audit_item *item,
                                        uint64_t hash)
{
    struct audit_repeat *room = NULL;
    for (size_t i = 0; i < AUDIT_QUEUE_MAX_REPEATS; i++) {
        struct audit_repeat *r = &q->repeats[i];
        if (!r->event)
            room = room ? room : r;
        else if (r->hash == hash && r->event == item->event && str_is(item->data, r->data))
            return r;
    }
    return room;
}

static bool begin_window(struct audit_queue *q, struct audit_repeat *r,
                         const struct audit_item *item, usec_t now)
{
    *r = (struct audit_repeat){
        .event = item->event, .hash = hash_of(item), .until = now + AUDIT_QUEUE_WINDOW};
    str_copy(r->data, sizeof(r->data), item->data);
    (void)audit_queue_add(q, item);
    return true;
}

bool audit_queue_repeat(struct audit_queue *q, const struct audit_item *item, usec_t now)
{
    struct audit_item one = *item;
    if (one.data.len > AUDIT_QUEUE_MAX_REPEAT)
        one.data = STR("{}");
    struct audit_repeat *r = find_repeat(q, &one, hash_of(&one));
    if (!r) { /* so many different ones at once are told as one */
        one.event = "audit.others";
        one.data = STR("{}");
        r = &q->others;
    }
    if (!r->event)
        return begin_window(q, r, &one, now);
    r->count++;
    return false;
}

static void add_count(struct audit_queue *q, const struct audit_repeat *r, usec_t wall)
{
    char data[AUDIT_QUEUE_MAX_REPEAT + 64];
    size_t len = strlen(r->data) - 1; /* without its brace */
    int n = snprintf(data, sizeof(data), "%.*s%s\"count\":%llu}", (int)len, r->data,
                     len > 1 ? "," : "", (unsigned long long)r->count);
    const struct audit_item item = {.wall = wall, .event = r->event, .data = {data, (size_t)n}};
    (void)audit_queue_add(q, &item);
}

static void expire(struct audit_queue *q, struct audit_repeat *r, usec_t wall, usec_t now)
{
    if (!r->event || now < r->until)
        return;
    if (r->count == 0) {
        *r = (struct audit_repeat){0};
        return;
    }
    add_count(q, r, wall);
    r->count = 0;
    r->until = now + AUDIT_QUEUE_WINDOW;
}

void audit_queue_expire(struct audit_queue *q, usec_t wall, usec_t now)
{
    for (size_t i = 0; i < AUDIT_QUEUE_MAX_REPEATS; i++)
        expire(q, &q->repeats[i], wall, now);
    expire(q, &q->others, wall, now);
}

void audit_queue_take(struct audit_queue *q, struct buf *to, uint64_t *ret_dropped)
{
    struct buf items = q->items;
    q->items = *to;
    *to = items;
    *ret_dropped = q->n_dropped;
    q->n_dropped = 0;
}

bool audit_queue_read(const struct buf *list, size_t *at, struct audit_item *ret)
{
    struct header h;
    if (*at == list->len)
        return false;
    memcpy(&h, list->data + *at, sizeof(h));
    *ret = (struct audit_item){
        h.wall, h.event, h.is_critical != 0, {list->data + *at + sizeof(h), h.len}};
    *at += sizeof(h) + h.len;
    return true;
}
