#include "fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PRIOR         1.0 /* a token of the estimate is a token */
#define LEAST         (0.5 * PRIOR)
#define MOST          (3.0 * PRIOR)
#define UNSURE_SPREAD 0.1
#define UNSURE        0.25   /* variance of a weight of which nothing is known */
#define NOISE         0.0004 /* of a relative error, that no weight explains */
#define FORGETTING    0.995
#define ODD           4.0 /* times the spread */
#define LEAST_ODD     0.05
#define BELIEVED      10 /* odd ones in a row are the new truth */
#define QUANTILE      0.97

/* Nothing is known but the weights. */
static void begin(struct fit *f)
{
    memset(f->covariance, 0, sizeof(f->covariance));
    for (size_t i = 0; i < ESTIMATE_FEATURES; i++)
        f->covariance[i][i] = UNSURE;
    f->spread = UNSURE_SPREAD;
    f->n = 0;
    f->n_odd = 0;
}

void fit_init(struct fit *f)
{
    memset(f, 0, sizeof(*f));
    for (size_t i = 0; i < ESTIMATE_FEATURES; i++)
        f->weight[i] = PRIOR;
    begin(f);
}

double fit_predict(const double weight[ESTIMATE_FEATURES], const double features[ESTIMATE_FEATURES])
{
    double sum = 0;

    for (size_t i = 0; i < ESTIMATE_FEATURES; i++)
        sum += weight[i] * features[i];
    return sum;
}

static void correct(struct fit *f, const double x[ESTIMATE_FEATURES], double error)
{
    double gain[ESTIMATE_FEATURES], variance = NOISE;

    for (size_t i = 0; i < ESTIMATE_FEATURES; i++) {
        gain[i] = 0;
        for (size_t j = 0; j < ESTIMATE_FEATURES; j++)
            gain[i] += f->covariance[i][j] * x[j];
        variance += x[i] * gain[i];
    }
    for (size_t i = 0; i < ESTIMATE_FEATURES; i++) {
        f->weight[i] = fmin(fmax(f->weight[i] + gain[i] / variance * error, LEAST), MOST);
        for (size_t j = 0; j < ESTIMATE_FEATURES; j++)
            f->covariance[i][j] -= gain[i] * gain[j] / variance;
    }
}

/* What was learnt long ago counts less; but of what has not been seen lately no less is known than
 * at the beginning. */
static void forget(struct fit *f)
{
    double shrink[ESTIMATE_FEATURES];

    for (size_t i = 0; i < ESTIMATE_FEATURES; i++) {
        double wanted = f->covariance[i][i] / FORGETTING;
        shrink[i] = wanted > UNSURE ? sqrt(UNSURE / wanted) : 1;
    }
    for (size_t i = 0; i < ESTIMATE_FEATURES; i++)
        for (size_t j = 0; j < ESTIMATE_FEATURES; j++)
            f->covariance[i][j] *= shrink[i] * shrink[j] / FORGETTING;
}

/* How far off it may be for what is not known of the weights yet. */
static double variance_of(const struct fit *f, const double x[ESTIMATE_FEATURES])
{
    double sum = 0;

    for (size_t i = 0; i < ESTIMATE_FEATURES; i++)
        for (size_t j = 0; j < ESTIMATE_FEATURES; j++)
            sum += x[i] * f->covariance[i][j] * x[j];
    return fmax(sum, 0);
}

static bool is_believed(struct fit *f, double size, double variance)
{
    double far = ODD * sqrt(f->spread * f->spread + variance);

    if (f->n < FIT_TRUSTED || size <= fmax(far, LEAST_ODD)) {
        f->n_odd = 0;
        return true;
    }
    if (++f->n_odd <= BELIEVED)
        return false;
    begin(f);
    return true;
}

double fit_learn(struct fit *f, const double features[ESTIMATE_FEATURES], double tokens)
{
    double predicted = fit_predict(f->weight, features), x[ESTIMATE_FEATURES];

    if (!(predicted > 0) || !(tokens > 0))
        return -1;
    double error = tokens / predicted - 1, size = fabs(error);
    for (size_t i = 0; i < ESTIMATE_FEATURES; i++)
        x[i] = features[i] / predicted;
    if (!is_believed(f, size, variance_of(f, x)))
        return size;
    f->residual[f->n % FIT_RESIDUALS] = (float)size;
    f->n++;
    f->spread += 0.05 * (fmin(1.4826 * size, 3 * f->spread) - f->spread);
    forget(f);
    correct(f, x, error);
    return size;
}

static int by_size(const void *a, const void *b)
{
    const float *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

double fit_margin(const struct fit *f, double prior)
{
    float sorted[FIT_RESIDUALS];
    size_t n = f->n < FIT_RESIDUALS ? (size_t)f->n : FIT_RESIDUALS;

    if (f->n < FIT_TRUSTED)
        return prior;
    memcpy(sorted, f->residual, n * sizeof(*sorted));
    qsort(sorted, n, sizeof(*sorted), by_size);
    size_t at = (size_t)ceil(QUANTILE * (double)(n + 1));
    return sorted[at < n ? at : n - 1] * 1.1 + 0.002;
}

bool fit_is_sane(const struct fit *f)
{
    for (size_t i = 0; i < ESTIMATE_FEATURES; i++) {
        if (!(f->weight[i] >= LEAST && f->weight[i] <= MOST))
            return false;
        for (size_t j = 0; j < ESTIMATE_FEATURES; j++)
            if (!isfinite(f->covariance[i][j]))
                return false;
    }
    return isfinite(f->spread);
}
