#include "mask.h"

#include "tokens/estimate.h"

#include <inttypes.h>

static uint64_t lines_in(struct str json_string)
{
    uint64_t lines = 1;

    for (size_t i = 1; i + 1 < json_string.len; i++) {
        if (json_string.data[i] != '\\')
            continue;
        i++;
        lines += json_string.data[i] == 'n';
    }
    return lines;
}

static struct str mark(void *arg, const struct conversation_output *o)
{
    struct conversation *c = arg;
    struct str raw = o->text->raw;
    char *text =
        arena_printf(c->arena, "\"[tool result omitted: %" PRIu64 " lines, %" PRIu64 " tokens]\"",
                     lines_in(raw), estimate_text((struct str){raw.data + 1, raw.len - 2}));

    if (!text)
        c->is_full = true;
    struct str marker = str_from(text);
    return text && marker.len < raw.len ? marker : raw;
}

bool mask_apply(struct conversation *c, size_t end, uint64_t budget_tokens)
{
    bool changed = false;

    for (size_t g = 0; g < end; g++) {
        struct conversation_group *group = &c->group[g];
        if (group->is_pinned || group->is_dropped)
            continue;
        for (size_t i = group->first; i < group->first + group->n; i++) {
            if (c->tokens <= budget_tokens)
                return changed;
            if (conversation_rewrite(c, group, i, mark, c))
                changed = c->message[i].is_masked = true;
        }
    }
    return changed;
}
