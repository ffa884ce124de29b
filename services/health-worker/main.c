#include "nodes/node_keys.h"
#include "service.h"
#include "settings/boot.h"

static int start(void *root, const char *config_path, struct settings **settings, char *reterr,
                 size_t reterr_size)
{
    return service_start(config_path, settings, root, reterr, reterr_size);
}

static int check(const struct settings *s, char *reterr, size_t reterr_size)
{
    struct node_keys keys = {.secret = NULL};
    int r = node_keys_read(s, &keys, reterr, reterr_size);

    node_keys_done(&keys);
    return r;
}

static void run(void *root)
{
    service_run(root);
}

static void stop(void *root)
{
    service_stop(root);
}

int main(int argc, char **argv)
{
    static const struct boot_daemon daemon = {"health-worker", start, check, run, stop};
    static struct service root;

    return boot_main(argc, argv, &daemon, &root);
}
