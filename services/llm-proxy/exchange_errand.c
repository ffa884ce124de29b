#include "exchange_errand.h"

#include "exchange.h"

static void on_over(void *arg)
{
    struct exchange *x = arg;
    exchange_errand_fn ending = TAKE(x->errand.ending);

    if (ending)
        ending(x);
    else
        x->errand.then(x);
}

void exchange_errand_start(struct exchange *x, const struct exchange_errand_steps *steps)
{
    struct exchange_errand *e = &x->errand;
    const struct errand_steps outside = {steps->work, on_over, steps->is_brief};

    if (!e->body.data)
        http_request_take_body(x->client, &e->body);
    e->then = steps->then;
    errand_start(&e->errand, x->worker, &outside, x);
}

bool exchange_errand_delays(struct exchange *x, exchange_errand_fn ending)
{
    struct exchange_errand *e = &x->errand;

    if (errand_withdraw(&e->errand))
        return false;
    if (!e->ending || ending == exchange_client_gone) /* nobody is left to be told anything else */
        e->ending = ending;
    return true;
}
