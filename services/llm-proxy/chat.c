#include "chat.h"

struct chat_message *chat_add_message(struct arena *a, const struct chat_message **first,
                                      struct chat_message **last, enum chat_role role)
{
    struct chat_message *m = arena_alloc(a, sizeof(*m));

    if (!m)
        return NULL;
    m->role = role;
    if (*last)
        (*last)->next = m;
    else
        *first = m;
    return *last = m;
}

struct chat_part *chat_add_part(struct arena *a, const struct chat_part **first,
                                struct chat_part **last, enum chat_part_kind kind)
{
    struct chat_part *p = arena_alloc(a, sizeof(*p));

    if (!p)
        return NULL;
    p->kind = kind;
    if (*last)
        (*last)->next = p;
    else
        *first = p;
    return *last = p;
}

/* What an effort may think, and the least thinking that counts as it. */
static const struct {
    const char *effort;
    int64_t tokens;
} efforts[] = {
    {"none", 0},      {"minimal", 512}, {"low", 1024},
    {"medium", 8192}, {"high", 24576},  {"xhigh", 32768},
};

#define N_EFFORTS (sizeof(efforts) / sizeof(efforts[0]))

int64_t chat_thinking_tokens(const struct chat *c)
{
    if (c->thinking_tokens >= 0 || c->effort.len == 0)
        return c->thinking_tokens;
    for (size_t i = 0; i < N_EFFORTS; i++)
        if (str_is(c->effort, efforts[i].effort))
            return efforts[i].tokens;
    return -1;
}

struct str chat_effort(const struct chat *c)
{
    if (c->effort.len > 0 || c->thinking_tokens < 0)
        return c->effort;
    size_t i = N_EFFORTS - 1;
    while (i > 0 && efforts[i].tokens > c->thinking_tokens)
        i--;
    return str_from(efforts[i].effort);
}
