#include "cache_flight.h"

#include "base/map.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

/* One question that is being asked. */
struct group {
    struct cache_key key;
    struct cache_flight_seat *first, *last; /* who waits, in order of coming */
    unsigned n_waiting;
};

struct cache_flight_seat {
    struct cache_flight *flight;
    struct group *group; /* NULL once there is news that ends the waiting */
    struct cache_flight_seat *next, *previous;
    bool is_leading;
    bool is_told; /* the task below is on its way */
    struct loop *loop;
    struct loop_task task;
    cache_flight_fn fn; /* NULL: the waiter has left; its own thread's */
    void *arg;
    enum cache_flight_news news;
    struct cache_answer *answer;
};

struct cache_flight {
    pthread_mutex_t mutex; /* of everything here; never held across I/O */
    struct map groups;     /* key -> struct group * */
    unsigned n_waiting;
};

static struct str text_of(const struct cache_key *key)
{
    return (struct str){(const char *)key->bytes, sizeof(key->bytes)};
}

struct cache_flight *cache_flight_new(void)
{
    struct cache_flight *f = calloc(1, sizeof(*f));

    if (!f)
        abort();
    pthread_mutex_init(&f->mutex, NULL);
    map_init(&f->groups);
    return f;
}

void cache_flight_free(struct cache_flight **f)
{
    struct cache_flight *old = TAKE(*f);

    if (!old)
        return;
    assert(old->groups.n == 0);
    map_done(&old->groups);
    pthread_mutex_destroy(&old->mutex);
    free(old);
}

/* ---- with the mutex held ---- */

static void enqueue(struct group *g, struct cache_flight_seat *s)
{
    s->previous = g->last;
    if (g->last)
        g->last->next = s;
    else
        g->first = s;
    g->last = s;
    g->n_waiting++;
    s->flight->n_waiting++;
}

static void dequeue(struct cache_flight_seat *s)
{
    struct group *g = s->group;

    if (s->previous)
        s->previous->next = s->next;
    else
        g->first = s->next;
    if (s->next)
        s->next->previous = s->previous;
    else
        g->last = s->previous;
    s->next = s->previous = NULL;
    g->n_waiting--;
    s->flight->n_waiting--;
}

static void tell(struct cache_flight_seat *s, enum cache_flight_news news,
                 struct cache_answer *answer)
{
    s->news = news;
    s->answer = answer ? cache_answer_ref(answer) : NULL;
    s->is_told = true;
    if (news == CACHE_FLIGHT_LEAD)
        s->is_leading = true;
    else
        s->group = NULL;
    loop_post(s->loop, &s->task);
}

static void close_group(struct cache_flight *f, struct group *g)
{
    map_take(&f->groups, text_of(&g->key));
    free(g);
}

/* The leader has gone without an answer. */
static void pass_on(struct cache_flight *f, struct group *g)
{
    struct cache_flight_seat *next = g->first;

    if (!next) {
        close_group(f, g);
        return;
    }
    dequeue(next);
    tell(next, CACHE_FLIGHT_LEAD, NULL);
}

/* ---- */

static void on_news(void *arg)
{
    struct cache_flight_seat *s = arg;
    struct cache_flight *f = s->flight;

    pthread_mutex_lock(&f->mutex);
    s->is_told = false;
    pthread_mutex_unlock(&f->mutex);

    cache_flight_fn fn = s->fn;
    void *fn_arg = s->arg;
    enum cache_flight_news news = s->news;
    struct cache_answer *answer = s->answer;
    if (!fn || news != CACHE_FLIGHT_LEAD)
        free(s);
    if (fn)
        fn(fn_arg, news, answer);
    else
        cache_answer_unref(&answer);
}

struct cache_flight_seat *cache_flight_join(struct cache_flight *f, const struct cache_key *key,
                                            struct loop *l, cache_flight_fn fn, void *arg)
{
    struct cache_flight_seat *s = calloc(1, sizeof(*s));

    if (!s)
        abort();
    *s = (struct cache_flight_seat){.flight = f, .loop = l, .fn = fn, .arg = arg};
    s->task = (struct loop_task){.fn = on_news, .arg = s};

    pthread_mutex_lock(&f->mutex);
    s->group = map_find(&f->groups, text_of(key));
    if (!s->group) {
        s->group = calloc(1, sizeof(struct group));
        if (!s->group)
            abort();
        s->group->key = *key;
        s->is_leading = true;
        map_add(&f->groups, text_of(key), s->group);
    } else if (s->group->n_waiting < CACHE_FLIGHT_MAX_WAITING) {
        enqueue(s->group, s);
    } else {
        free(s);
        s = NULL;
    }
    pthread_mutex_unlock(&f->mutex);
    return s;
}

bool cache_flight_is_leading(const struct cache_flight_seat *s)
{
    pthread_mutex_lock(&s->flight->mutex);
    bool is_leading = s->is_leading && !s->is_told;
    pthread_mutex_unlock(&s->flight->mutex);
    return is_leading;
}

void cache_flight_finish(struct cache_flight_seat **s, struct cache_answer *answer)
{
    struct cache_flight_seat *leader = TAKE(*s), *waiting;
    struct cache_flight *f = leader->flight;

    pthread_mutex_lock(&f->mutex);
    assert(leader->is_leading && !leader->is_told);
    struct group *g = leader->group;
    while ((waiting = g->first)) {
        dequeue(waiting);
        tell(waiting, answer ? CACHE_FLIGHT_ANSWERED : CACHE_FLIGHT_ALONE, answer);
    }
    close_group(f, g);
    pthread_mutex_unlock(&f->mutex);
    free(leader);
}

void cache_flight_leave(struct cache_flight_seat **s)
{
    struct cache_flight_seat *seat = TAKE(*s);

    if (!seat)
        return;
    struct cache_flight *f = seat->flight;
    pthread_mutex_lock(&f->mutex);
    if (seat->is_leading)
        pass_on(f, seat->group);
    else if (seat->group)
        dequeue(seat);
    bool is_told = seat->is_told;
    pthread_mutex_unlock(&f->mutex);
    if (is_told)
        seat->fn = NULL; /* its task is on the way and frees it */
    else
        free(seat);
}

unsigned cache_flight_waiting(struct cache_flight *f)
{
    pthread_mutex_lock(&f->mutex);
    unsigned n = f->n_waiting;
    pthread_mutex_unlock(&f->mutex);
    return n;
}
