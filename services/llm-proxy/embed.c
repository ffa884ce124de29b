#include "embed.h"

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
