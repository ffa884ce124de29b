#include "context_service.h"
#include "settings/boot.h"

static int start(void *root, const char *config_path, struct settings **settings, char *reterr,
                 size_t reterr_size)
{
    return context_service_start(root, config_path, settings, reterr, reterr_size);
}

static void run(void *root)
{
    context_service_run(root);
}

static void stop(void *root)
{
    context_service_stop(root);
}

int main(int argc, char **argv)
{
    static const struct boot_daemon daemon = {"context-service", start, NULL, run, stop};
    static struct context_service root;

    return boot_main(argc, argv, &daemon, &root);
}
