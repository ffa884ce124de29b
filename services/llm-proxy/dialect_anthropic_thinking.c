#include "dialect_anthropic.h"

#define MIN_BUDGET 1024

/* Models up to 4.5 think within a budget of tokens; later ones by effort and only so. */
static bool thinks_by_budget(struct str model)
{
    static const char *const prefixes[] = {
        "claude-3",          "claude-haiku-4",  "claude-sonnet-4-0", "claude-sonnet-4-2025",
        "claude-sonnet-4-5", "claude-opus-4-0", "claude-opus-4-1",   "claude-opus-4-2025",
        "claude-opus-4-5",
    };

    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
        if (str_has_prefix(model, prefixes[i]))
            return true;
    return false;
}

/* A turn that calls tools without the thinking before it: the API would not let it go on thinking.
 */
static bool is_in_unthinking_turn(const struct chat *c)
{
    bool has_call = false, has_thought = false;

    for (const struct chat_message *m = c->messages; m; m = m->next) {
        if (m->role == CHAT_USER)
            has_call = has_thought = false;
        for (const struct chat_part *p = m->parts; p; p = p->next) {
            has_call = has_call || p->kind == CHAT_PART_TOOL_CALL;
            has_thought = has_thought || p->kind == CHAT_PART_REDACTED_THINKING ||
                          (p->kind == CHAT_PART_THINKING && p->signature.len > 0);
        }
    }
    return has_call && !has_thought;
}

static int64_t budget_of(const struct chat *c, int64_t limit)
{
    int64_t budget = chat_thinking_tokens(c);

    if (budget < 1 || is_in_unthinking_turn(c))
        return 0;
    if (budget < MIN_BUDGET)
        budget = MIN_BUDGET;
    if (limit > 0 && budget >= limit)
        budget = limit - 1;
    return budget >= MIN_BUDGET ? budget : 0;
}

struct dialect_anthropic_thinking dialect_anthropic_thinking_decide(const struct chat *c,
                                                                    struct str model, int64_t limit)
{
    struct dialect_anthropic_thinking t = {.effort = STR_EMPTY};
    struct str effort = chat_effort(c);

    if (thinks_by_budget(model))
        t.budget = budget_of(c, limit);
    else if (str_is(effort, "none"))
        t.is_off = true;
    else
        t.effort = str_is(effort, "minimal") ? STR("low") : effort;
    return t;
}

void dialect_anthropic_thinking_write(struct json_write *w,
                                      const struct dialect_anthropic_thinking *t)
{
    if (t->budget == 0 && !t->is_off && t->effort.len == 0)
        return;
    json_write_key(w, "thinking");
    json_write_begin(w, '{');
    json_write_member(w, "type", t->is_off ? "disabled" : t->budget > 0 ? "enabled" : "adaptive");
    if (t->budget > 0)
        json_write_member_int(w, "budget_tokens", t->budget);
    else if (!t->is_off) /* by default some models show nothing */
        json_write_member(w, "display", "summarized");
    json_write_end(w, '}');
}
