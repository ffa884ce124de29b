#include "nodes/node_keys.h"
#include "prices.h"
#include "proxy.h"
#include "settings/boot.h"

static int start(void *root, const char *config_path, struct settings **settings, char *reterr,
                 size_t reterr_size)
{
    return proxy_start(config_path, settings, root, reterr, reterr_size);
}

static int check(const struct settings *s, char *reterr, size_t reterr_size)
{
    struct prices *prices = NULL;
    struct node_keys keys = {.secret = NULL};
    int r = prices_new(s, &prices, reterr, reterr_size);

    prices_free(&prices);
    if (r == 0)
        r = node_keys_read(s, &keys, reterr, reterr_size);
    node_keys_done(&keys);
    return r;
}

static void run(void *root)
{
    proxy_run(root);
}

static void stop(void *root)
{
    proxy_stop(root);
}

int main(int argc, char **argv)
{
    static const struct boot_daemon daemon = {"llm-proxy", start, check, run, stop};
    static struct proxy root;

    return boot_main(argc, argv, &daemon, &root);
}
