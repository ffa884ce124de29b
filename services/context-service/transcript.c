#include "transcript.h"

#define ELLIPSIS "\xe2\x80\xa6"

static const struct str user_filler = STR_INIT("{\"role\":\"user\",\"content\":\"" ELLIPSIS "\"}");
static const struct str assistant_filler =
    STR_INIT("{\"role\":\"assistant\",\"content\":\"" ELLIPSIS "\"}");

void transcript_init(struct transcript *t, const struct conversation *c)
{
    *t = (struct transcript){.c = c, .has_summary = c->summary.len > 0};
}

static bool is_kept(const struct conversation_group *g)
{
    return !g->is_dropped && !g->is_folded;
}

/* The results of tools are the user's to say, where turns are taken. */
static bool is_users(const struct conversation *c, size_t message)
{
    return c->message[message].role != ROLE_ASSISTANT;
}

static bool needs_filler(const struct transcript *t)
{
    const struct conversation *c = t->c;
    const struct conversation_group *after = &c->group[t->group];

    if (!c->dialect->takes_turns || after->role == ROLE_SYSTEM)
        return false;
    if (t->is_after_summary)
        return is_users(c, after->first);
    if (!t->has_before || t->before + 1 == t->group)
        return false;
    const struct conversation_group *before = &c->group[t->before];
    return before->role != ROLE_SYSTEM &&
           is_users(c, before->first + before->n - 1) == is_users(c, after->first);
}

static void enter_group(struct transcript *t)
{
    t->before = t->group;
    t->has_before = true;
    t->is_after_summary = false;
}

bool transcript_next(struct transcript *t, struct str *ret)
{
    const struct conversation *c = t->c;

    while (t->message == 0 && t->group < c->n_groups && !is_kept(&c->group[t->group]))
        t->group++;
    if (t->has_summary &&
        (t->group == c->n_groups || (t->message == 0 && c->group[t->group].role != ROLE_SYSTEM))) {
        t->has_summary = false;
        t->is_after_summary = true;
        *ret = c->summary;
        return true;
    }
    if (t->group == c->n_groups)
        return false;

    const struct conversation_group *g = &c->group[t->group];
    if (t->message == 0 && needs_filler(t)) {
        bool users = is_users(c, g->first);
        enter_group(t);
        t->before = t->group - 1; /* they are neighbours now */
        *ret = users ? assistant_filler : user_filler;
        return true;
    }
    enter_group(t);
    *ret = c->message[g->first + t->message].json->raw;
    if (++t->message == g->n) {
        t->group++;
        t->message = 0;
    }
    return true;
}

static uint64_t cost(const struct conversation *c, struct str role_text, struct str json)
{
    const struct json_value content = {
        .type = JSON_STRING, .raw = STR_INIT("\"" ELLIPSIS "\""), .key = STR_INIT("content")};
    const struct json_value role = {
        .type = JSON_STRING, .raw = role_text, .key = STR_INIT("role"), .next = &content};
    const struct json_value filler = {
        .type = JSON_OBJECT, .n_children = 2, .raw = json, .child = &role};

    return counter_message(c->counter, &filler);
}

uint64_t transcript_filler_cost(const struct conversation *c)
{
    if (!c->dialect->takes_turns)
        return 0;
    uint64_t users = cost(c, STR("\"user\""), user_filler);
    uint64_t assistants = cost(c, STR("\"assistant\""), assistant_filler);
    return users > assistants ? users : assistants;
}

uint64_t transcript_filler_tokens(const struct conversation *c)
{
    struct transcript t;
    struct str json;
    uint64_t users = 0, assistants = 0;

    if (!c->dialect->takes_turns)
        return 0;
    transcript_init(&t, c);
    while (transcript_next(&t, &json)) {
        users += json.data == user_filler.data;
        assistants += json.data == assistant_filler.data;
    }
    return (users ? users * cost(c, STR("\"user\""), user_filler) : 0) +
           (assistants ? assistants * cost(c, STR("\"assistant\""), assistant_filler) : 0);
}

void transcript_recount(struct conversation *c)
{
    c->tokens -= c->filler_tokens;
    c->filler_tokens = transcript_filler_tokens(c);
    c->tokens += c->filler_tokens;
}
