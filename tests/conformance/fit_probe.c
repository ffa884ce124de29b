/* fit_probe.c -- how well is a tokenizer learnt that is not known?
 *
 *   fit_probe TOKENS-FOLDER < REQUESTS   a JSON request a line. cl100k stands for the unknown
 *       model; each line is predicted, then learnt. Prints for each the tokens, the prediction and
 *       the margin stated for it.
 */
#include "counting/tables.h"
#include "tokens/fit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct json_value *parse(struct arena *a, const char *line)
{
    const struct json_value *v;
    size_t at;

    arena_clear(a);
    if (json_parse(a, str_from(line), &v, &at) != JSON_OK)
        exit(1);
    return v;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    struct tables *t = tables_new(argv[1], 1024);
    struct counter *known = tables_lend(t, counting_rule_find(STR("unheard-of")));
    struct counter *unknown = tables_lend(t, counting_rule_find(STR("gpt-4")));
    char *line = NULL;
    size_t room = 0;
    struct arena a;
    struct fit f;

    arena_init(&a, 64 << 20);
    fit_init(&f);
    while (getline(&line, &room, stdin) > 0) {
        const struct json_value *body = parse(&a, line);
        double features[ESTIMATE_FEATURES];
        counter_features(known, body, features);
        double truth = (double)counter_request(unknown, body, UINT64_MAX);
        printf("%g %g %g\n", truth, fit_predict(f.weight, features), fit_margin(&f, 0.35));
        fit_learn(&f, features, truth);
    }
    free(line);
    tables_take_back(t, &known);
    tables_take_back(t, &unknown);
    tables_free(&t);
    arena_done(&a);
    return 0;
}
