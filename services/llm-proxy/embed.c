#include "embed.h"

#include <string.h>

static size_t skip(struct str s, size_t at, const char *set)
{
    while (at < s.len && s.data[at] != '\0' && strchr(set, s.data[at]))
        at++;
    return at;
}

/* By its characters: enough that it can be nothing else in a JSON text. */
static bool is_number(struct str s)
{
    size_t from = skip(s, 0, " \t\r\n"), to = skip(s, from, "0123456789+-.eE");

    return to > from && s.data[from] != '+' && s.data[from] != '.' && s.data[to - 1] >= '0' &&
           s.data[to - 1] <= '9' && skip(s, to, " \t\r\n") == s.len;
}

bool embed_is_vector(struct str values)
{
    struct str rest, part;

    if (values.len < 2 || values.data[0] != '[' || values.data[values.len - 1] != ']')
        return false;
    rest = (struct str){values.data + 1, values.len - 2};
    while (str_cut(&rest, ',', &part))
        if (!is_number(part))
            return false;
    return true;
}

bool embed_add_vector(struct arena *a, struct embed_answer *answer, struct str values)
{
    struct embed_vector *v = arena_alloc(a, sizeof(*v));

    if (!v)
        return false;
    v->values = values;
    if (answer->last)
        answer->last->next = v;
    else
        answer->first = v;
    answer->last = v;
    answer->n_vectors++;
    return true;
}
