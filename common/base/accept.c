#include "base/accept.h"

#include "base/parse.h"

/* The weight among the parameters, -1 when it is ill-formed. */
static double weight_of(struct str parameters)
{
    struct str part;
    double weight = 1;

    while (str_cut(&parameters, ';', &part)) {
        part = str_trim(part);
        if (!str_has_prefix_nocase(part, "q="))
            continue;
        part.data += 2;
        part.len -= 2;
        if (part.len > 5 || !parse_double(part, &weight) || weight < 0 || weight > 1)
            return -1;
    }
    return weight;
}

double accept_weight(struct str field, const char *name)
{
    struct str item;
    double best = -1;

    while (str_cut(&field, ',', &item)) {
        struct str form;
        if (!str_cut(&item, ';', &form) || !str_is_nocase(str_trim(form), name))
            continue;
        double weight = weight_of(item);
        if (weight > best)
            best = weight;
    }
    return best;
}
