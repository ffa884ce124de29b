#include "proxy.h"
#include "settings/boot.h"

static int start(void *root, const char *config_path, struct settings **settings, char *reterr,
                 size_t reterr_size)
{
    return proxy_start(config_path, settings, root, reterr, reterr_size);
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
    static const struct boot_daemon daemon = {"llm-proxy", start, run, stop};
    static struct proxy root;

    return boot_main(argc, argv, &daemon, &root);
}
