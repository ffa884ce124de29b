#include "vocab_source.h"

#include <stdlib.h>

void vocab_source_done(struct vocab_source *s)
{
    free(s->bytes);
    free(s->entries);
    *s = (struct vocab_source){0};
}
