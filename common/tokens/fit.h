/* fit.h -- how many tokens has a model whose tokenizer nobody published?
 *
 * A sum over the features of a request, each with a weight of the model's own that is learnt from
 * what its provider bills: recursive least squares with forgetting, on relative errors. A weight
 * stays between half its prior and three times it; what is far off is not believed, unless it goes
 * on. Pure, and all in the struct, so that it can be kept as it is.
 */
#pragma once

#include "estimate.h"

#include <stdbool.h>
#include <stdint.h>

#define FIT_RESIDUALS 256
#define FIT_TRUSTED   30 /* samples, before a margin is stated by them */

struct fit {
    double weight[ESTIMATE_FEATURES];
    double covariance[ESTIMATE_FEATURES][ESTIMATE_FEATURES];
    double spread;                 /* of relative errors, robust */
    uint64_t n;                    /* samples learnt from */
    uint32_t n_odd;                /* in a row that were not believed */
    float residual[FIT_RESIDUALS]; /* the last relative errors, of what had not been learnt yet */
};

void fit_init(struct fit *f);

double fit_predict(const double weight[ESTIMATE_FEATURES],
                   const double features[ESTIMATE_FEATURES]);

/* `tokens` were billed for it. The relative error that the prediction had; < 0 when there was
 * nothing to learn. */
double fit_learn(struct fit *f, const double features[ESTIMATE_FEATURES], double tokens);

/* The relative error that a count stays within, in 95 of 100 cases or more; `prior` as long as too
 * little is known. */
double fit_margin(const struct fit *f, double prior);

/* May numbers that were read from somewhere be those of a fit? */
bool fit_is_sane(const struct fit *f);
