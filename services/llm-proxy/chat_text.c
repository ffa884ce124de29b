#include "chat_text.h"

#include <string.h>

static bool has_text(const struct chat_part *p, enum chat_part_kind kind)
{
    bool is_kind = p->kind == kind || (p->kind == CHAT_PART_REFUSAL && kind == CHAT_PART_TEXT);

    return is_kind && p->text.len > 0;
}

static char *append(char *at, struct str s)
{
    memcpy(at, s.data, s.len);
    return at + s.len;
}

bool chat_text_join(struct arena *a, const struct chat_part *parts, enum chat_part_kind kind,
                    struct str *ret)
{
    static const struct str separator = STR_INIT("\n\n");
    size_t n = 0, len = 0;

    *ret = STR_EMPTY;
    for (const struct chat_part *p = parts; p; p = p->next)
        if (has_text(p, kind)) {
            *ret = p->text;
            len += p->text.len + separator.len;
            n++;
        }
    if (n < 2)
        return true;

    char *text = arena_alloc(a, len), *at = text;
    if (!text)
        return false;
    for (const struct chat_part *p = parts; p; p = p->next) {
        if (!has_text(p, kind))
            continue;
        if (at > text)
            at = append(at, separator);
        at = append(at, p->text);
    }
    *ret = (struct str){text, (size_t)(at - text)};
    return true;
}
