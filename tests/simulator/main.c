#include "io/daemon.h"
#include "sim_server.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
    const char *listen;
    struct sim_script script;
    uint64_t max_records;
    bool is_plain;
};

static void print_help(void)
{
    printf("Usage: simulator [OPTION]…\n"
           "An OpenAI-dialect upstream that behaves as it is told.\n\n"
           "  --listen ADDRESS   default 127.0.0.1:0; the port is printed\n"
           "  --script SCRIPT    for every chat request; POST /sim/script changes it\n"
           "  --records N        requests kept for GET /sim/record (default 4096; 0: none)\n"
           "  --plain            do not look at bodies: for benchmarks\n\n"
           "A script is a comma list of:");
    sim_script_print_keys();
    printf("It also comes with a request: in the x-sim header, or in the model's name after "
           "\"sim:\".\nUsage: a token for every four bytes begun, of the messages' texts and of "
           "the answer's.\n");
}

static bool set_script(struct options *o, const char *text)
{
    struct str wrong;

    if (sim_script_parse(&o->script, str_from(text), &wrong) == SIM_SCRIPT_OK)
        return true;
    fprintf(stderr, "simulator: no such script: %.*s\n", STR_ARG(wrong));
    return false;
}

/* True to go on, false to exit with *ret_status. */
static bool parse_options(int argc, char **argv, struct options *o, int *ret_status)
{
    static const struct option options[] = {
        {"listen", required_argument, NULL, 'l'},  {"script", required_argument, NULL, 's'},
        {"records", required_argument, NULL, 'r'}, {"plain", no_argument, NULL, 'p'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};
    int option;

    *ret_status = 2;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'l')
            o->listen = optarg;
        else if (option == 's' && set_script(o, optarg))
            continue;
        else if (option == 'r')
            o->max_records = strtoull(optarg, NULL, 10);
        else if (option == 'p')
            o->is_plain = true;
        else if (option == 'h') {
            print_help();
            *ret_status = 0;
            return false;
        } else
            return false;
    }
    return optind == argc;
}

static void on_stop(void *arg)
{
    loop_stop(arg);
}

static int serve(const struct options *o, struct loop *l, struct sim_control *control)
{
    const char *error = "";
    char address[128];
    int fd;
    struct sim_server *server;

    int r = daemon_listen(o->listen, false, &fd, &error);
    if (r < 0) {
        fprintf(stderr, "simulator: %s: %s: %s\n", o->listen, error, strerror(-r));
        return r;
    }
    r = sim_server_new(l, control, fd, o->is_plain, &server);
    if (r < 0)
        return r;
    r = daemon_local_address(fd, address, sizeof(address));
    if (r == 0)
        r = loop_on_signal(l, SIGTERM, on_stop, l);
    if (r == 0)
        r = loop_on_signal(l, SIGINT, on_stop, l);
    if (r == 0) {
        printf("listening on %s\n", address);
        fflush(stdout);
        loop_run(l);
    }
    sim_server_free(&server);
    return r;
}

int main(int argc, char **argv)
{
    struct options options = {.listen = "127.0.0.1:0", .max_records = 4096};
    int status;
    struct loop *l;

    sim_script_init(&options.script);
    if (!parse_options(argc, argv, &options, &status))
        return status;
    daemon_harden();
    if (loop_new(&l) < 0)
        return 1;

    static struct sim_control control;
    sim_control_init(&control, &options.script, options.max_records);
    int r = serve(&options, l, &control);
    sim_control_done(&control);
    loop_free(&l);
    return r < 0 ? 1 : 0;
}
