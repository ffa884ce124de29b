#include "pin.h"

#include "piece.h"

#include <string.h>

#define MAX_WANTED 64

static size_t group_of(const struct conversation *c, size_t message)
{
    size_t g = c->n_groups - 1;

    while (c->group[g].first > message)
        g--;
    return g;
}

/* Last user group before `end`; `end` when there is none. */
static size_t last_user(const struct conversation *c, size_t end)
{
    for (size_t g = end; g-- > 0;)
        if (c->group[g].role == ROLE_USER)
            return g;
    return end;
}

struct sought {
    struct arena *arena;
    struct str text;
    bool is_found;
};

static void look_for(void *arg, const struct piece *p)
{
    struct sought *s = arg;
    struct str text;

    if (!s->is_found && json_string(p->text, s->arena, &text))
        s->is_found = memmem(text.data, text.len, s->text.data, s->text.len);
}

static void pin_text(struct conversation *c, struct str text)
{
    for (size_t g = 0; g < c->n_groups; g++)
        for (size_t i = 0; i < c->group[g].n && !c->group[g].is_pinned; i++) {
            const struct conversation_message *m = &c->message[c->group[g].first + i];
            struct sought s = {.arena = c->arena, .text = text};
            piece_each(m->json, m->role, look_for, &s);
            c->group[g].is_pinned = s.is_found;
        }
}

static void pin_wanted(struct conversation *c, const struct json_value *wanted)
{
    unsigned left = MAX_WANTED;

    for (const struct json_value *v = json_is(wanted, JSON_ARRAY) ? wanted->child : NULL;
         v && left > 0; v = v->next, left--) {
        struct str text;
        int64_t i;
        if (json_int(v, &i) && i >= 0 && (uint64_t)i < c->n)
            c->group[group_of(c, (size_t)i)].is_pinned = true;
        if (json_string(v, c->arena, &text) && text.len > 0)
            pin_text(c, text);
    }
}

/* What the assistant says or does stays with what the user said before it. */
static void pin_questions(struct conversation *c)
{
    bool is_answer = false;

    for (size_t g = c->n_groups; g-- > 0;) {
        struct conversation_group *group = &c->group[g];
        if (group->role == ROLE_USER) {
            group->is_pinned |= is_answer;
            is_answer = false;
        } else if (group->role != ROLE_SYSTEM) {
            is_answer |= group->is_pinned;
        }
    }
}

struct pin_reach pin_groups(struct conversation *c, size_t keep_last,
                            const struct json_value *wanted)
{
    size_t kept = keep_last == 0 ? 1 : keep_last < c->n ? keep_last : c->n;
    size_t tail = group_of(c, c->n - kept);
    size_t asked = last_user(c, c->n_groups);

    for (size_t g = 0; g < c->n_groups; g++)
        c->group[g].is_pinned = g >= tail || c->group[g].role == ROLE_SYSTEM;
    if (asked < c->n_groups)
        c->group[asked].is_pinned = true;
    pin_wanted(c, wanted);
    pin_questions(c);
    return (struct pin_reach){.calm = asked < tail ? asked : tail, .utmost = tail};
}
