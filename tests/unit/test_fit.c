/* With made-up tokenizers; a real one is learnt in tests/conformance. */
#include "tokens/fit.h"

#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint32_t seed;

static double uniform(double from, double to)
{
    seed = seed * 1664525 + 1013904223;
    return from + (to - from) * (double)(seed >> 8) / (double)(1 << 24);
}

/* Mostly words and signs, now and then something rare. */
static void make(double features[ESTIMATE_FEATURES])
{
    for (size_t i = 0; i < ESTIMATE_FEATURES; i++)
        features[i] = i <= ESTIMATE_LINES || uniform(0, 1) < 0.2 ? uniform(1, 500) : 0;
    features[ESTIMATE_MESSAGES] = floor(uniform(1, 20)) * 3;
}

static double learn_some(struct fit *f, const double truth[ESTIMATE_FEATURES], int n, double noise)
{
    double features[ESTIMATE_FEATURES], worst = 0;

    for (int i = 0; i < n; i++) {
        make(features);
        double tokens = fit_predict(truth, features) * uniform(1 - noise, 1 + noise);
        worst = fmax(worst, fit_learn(f, features, tokens));
    }
    return worst;
}

static void set_truth(double truth[ESTIMATE_FEATURES], double from, double to)
{
    for (size_t i = 0; i < ESTIMATE_FEATURES; i++)
        truth[i] = uniform(from, to);
}

static void at_first_a_token_is_a_token_and_the_margin_the_prior(void **state)
{
    double features[ESTIMATE_FEATURES] = {10, 20, 30};
    struct fit f;

    (void)state;
    fit_init(&f);
    CHECK(fit_predict(f.weight, features) == 60);
    CHECK(fit_margin(&f, 0.35) == 0.35);
    CHECK(fit_is_sane(&f));
}

static void weights_are_learnt_and_the_margin_covers_what_is_left(void **state)
{
    (void)state;
    for (seed = 1; seed < 40; seed += 7) {
        double truth[ESTIMATE_FEATURES], features[ESTIMATE_FEATURES];
        struct fit f;
        int n_covered = 0;

        set_truth(truth, 0.7, 2.5);
        fit_init(&f);
        learn_some(&f, truth, 100, 0.01);
        for (int i = 0; i < 400; i++) {
            make(features);
            double tokens = fit_predict(truth, features) * uniform(0.99, 1.01);
            n_covered += fabs(tokens / fit_predict(f.weight, features) - 1) <= fit_margin(&f, 0.35);
            fit_learn(&f, features, tokens);
        }
        CHECK(n_covered >= 380);
        CHECK(fit_margin(&f, 0.35) < 0.05);
        for (size_t i = 0; i <= ESTIMATE_LINES; i++)
            CHECK(fabs(f.weight[i] - truth[i]) < 0.1);
    }
}

static void weights_stay_within_their_bounds(void **state)
{
    double truth[ESTIMATE_FEATURES];
    struct fit f;

    (void)state;
    seed = 5;
    set_truth(truth, 10, 20);
    fit_init(&f);
    learn_some(&f, truth, 300, 0);
    CHECK(fit_is_sane(&f));
    for (size_t i = 0; i < ESTIMATE_FEATURES; i++)
        truth[i] /= 1000;
    learn_some(&f, truth, 300, 0);
    CHECK(fit_is_sane(&f));
}

static void one_odd_bill_teaches_nothing(void **state)
{
    double truth[ESTIMATE_FEATURES], features[ESTIMATE_FEATURES];
    struct fit f, before;

    (void)state;
    seed = 9;
    set_truth(truth, 0.8, 1.5);
    fit_init(&f);
    learn_some(&f, truth, 200, 0.005);
    before = f;
    make(features);
    fit_learn(&f, features, 40 * fit_predict(truth, features));
    CHECK(memcmp(f.weight, before.weight, sizeof(f.weight)) == 0);
    CHECK_U64(f.n, before.n);
}

static void a_tokenizer_that_changed_is_learnt_anew(void **state)
{
    double truth[ESTIMATE_FEATURES];
    struct fit f;

    (void)state;
    seed = 11;
    set_truth(truth, 0.8, 1.2);
    fit_init(&f);
    learn_some(&f, truth, 300, 0.005);
    for (size_t i = 0; i < ESTIMATE_FEATURES; i++)
        truth[i] *= 1.6;
    CHECK(learn_some(&f, truth, 1, 0) > 0.4);
    learn_some(&f, truth, 300, 0.005);
    CHECK(learn_some(&f, truth, 50, 0.005) < 0.1);
}

static void what_cannot_be_learnt_from_is_left_alone(void **state)
{
    double none[ESTIMATE_FEATURES] = {0}, one[ESTIMATE_FEATURES] = {1};
    struct fit f;

    (void)state;
    fit_init(&f);
    CHECK(fit_learn(&f, none, 10) < 0);
    CHECK(fit_learn(&f, one, 0) < 0);
    CHECK(fit_learn(&f, one, NAN) < 0);
    CHECK_U64(f.n, 0);
    f.weight[3] = NAN;
    CHECK(!fit_is_sane(&f));
    fit_init(&f);
    f.weight[3] = 100;
    CHECK(!fit_is_sane(&f));
    fit_init(&f);
    f.covariance[1][2] = INFINITY;
    CHECK(!fit_is_sane(&f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_first_a_token_is_a_token_and_the_margin_the_prior),
        cmocka_unit_test(weights_are_learnt_and_the_margin_covers_what_is_left),
        cmocka_unit_test(weights_stay_within_their_bounds),
        cmocka_unit_test(one_odd_bill_teaches_nothing),
        cmocka_unit_test(a_tokenizer_that_changed_is_learnt_anew),
        cmocka_unit_test(what_cannot_be_learnt_from_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
