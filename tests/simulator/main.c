#include "sim_server.h"
#include "sim_worker.h"

#include "base/parse.h"

#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define MAX_RECORDS 1000000

struct options {
    uint16_t port;
    struct sim_script script;
    size_t max_records;
    struct sim_sigv4_key aws_key;
    bool is_plain;
    struct sim_worker worker;
    bool is_worker;
};

static void print_help(void)
{
    printf(
        "Usage: simulator [OPTION]…\n"
        "An upstream in the dialect of each provider, that behaves as it is told.\n\n"
        "  --port N           on 127.0.0.1; default: any, it is printed\n"
        "  --script SCRIPT    for every chat request; POST /sim/script changes it\n"
        "  --records N        requests kept for GET /sim/record (default 4096; 0: none)\n"
        "  --aws-key ID:SECRET  verify the signatures of bedrock requests\n"
        "  --plain            do not look at bodies: for benchmarks\n"
        "  --worker SCRIPT    be a local inference server: a comma list of the keys at the end\n\n"
        "A script is a comma list of:\n");
    sim_script_print_keys();
    printf("It also comes with a request: in the x-sim header, or in the model's name after "
           "\"sim:\".\nUsage: a token for every four bytes begun, of the messages' texts and of "
           "the answer's.\n\nKeys of --worker:\n");
    sim_worker_print_keys();
}

static bool set_script(struct options *o, const char *text)
{
    struct str wrong;

    if (sim_script_parse(&o->script, str_from(text), &wrong) == SIM_SCRIPT_OK)
        return true;
    fprintf(stderr, "simulator: no such script: %.*s\n", STR_ARG(wrong));
    return false;
}

static bool set_aws_key(struct options *o, const char *text)
{
    struct str rest = str_from(text), id;

    return str_cut(&rest, ':', &id) && rest.data &&
           str_copy(o->aws_key.id, sizeof(o->aws_key.id), id) &&
           str_copy(o->aws_key.secret, sizeof(o->aws_key.secret), rest);
}

static bool set_worker(struct options *o, const char *text)
{
    struct str wrong;

    o->is_worker = true;
    if (sim_worker_parse(&o->worker, str_from(text), &wrong))
        return true;
    fprintf(stderr, "simulator: no such key of a worker: %.*s\n", STR_ARG(wrong));
    return false;
}

/* True to go on, false to exit with *ret_status. */
static bool parse_options(int argc, char **argv, struct options *o, int *ret_status)
{
    static const struct option options[] = {
        {"port", required_argument, NULL, 'p'},    {"script", required_argument, NULL, 's'},
        {"records", required_argument, NULL, 'r'}, {"aws-key", required_argument, NULL, 'a'},
        {"worker", required_argument, NULL, 'w'},  {"plain", no_argument, NULL, 'b'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};
    int option;

    *ret_status = 2;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        uint64_t number = 0;
        bool is_number = optarg && parse_u64(str_from(optarg), &number);

        if (option == 'p' && is_number && number <= UINT16_MAX)
            o->port = (uint16_t)number;
        else if (option == 'r' && is_number && number <= MAX_RECORDS)
            o->max_records = (size_t)number;
        else if (option == 'b')
            o->is_plain = true;
        else if (option == 'h') {
            print_help();
            *ret_status = 0;
            return false;
        } else if (!(option == 'a' && set_aws_key(o, optarg)) &&
                   !(option == 'w' && set_worker(o, optarg)) &&
                   !(option == 's' && set_script(o, optarg)))
            return false;
    }
    return optind == argc;
}

static void on_stop(void *arg)
{
    loop_stop(arg);
}

/* -errno, or the listening socket. */
static int listen_on(uint16_t *port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(*port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int yes = 1;

    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, 4096) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) < 0) {
        int r = -errno;
        close(fd);
        return r;
    }
    *port = ntohs(address.sin_port);
    return fd;
}

static int serve(struct options *o, struct loop *l, struct sim_control *control)
{
    struct sim_server *server;
    uint16_t port = o->port;

    int fd = listen_on(&port);
    if (fd < 0)
        return fd;
    int r = sim_server_new(l, control, fd, o->is_plain, &server);
    if (r < 0) {
        close(fd);
        return r;
    }
    r = o->worker.is_deaf ? 0 : loop_on_signal(l, SIGTERM, on_stop, l);
    if (o->worker.is_deaf)
        signal(SIGTERM, SIG_IGN);
    if (r == 0)
        r = loop_on_signal(l, SIGINT, on_stop, l);
    if (r == 0) {
        printf("listening on http://127.0.0.1:%u\n", port);
        if (o->is_worker)
            sim_worker_start(&o->worker, l, control);
        fflush(stdout);
        loop_run(l);
        if (o->is_worker)
            sim_worker_stop(&o->worker);
    }
    sim_server_free(&server);
    return r;
}

static void raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int main(int argc, char **argv)
{
    struct options options = {.max_records = 4096};
    int status;
    struct loop *l;

    sim_script_init(&options.script);
    if (!parse_options(argc, argv, &options, &status))
        return status;
    raise_file_limit();
    if (loop_new(&l) < 0)
        return 1;

    static struct sim_control control;
    sim_control_init(&control, &options.script, options.max_records);
    control.aws_key = options.aws_key;
    int r = serve(&options, l, &control);
    sim_control_done(&control);
    loop_free(&l);
    if (r < 0)
        fprintf(stderr, "simulator: %s\n", strerror(-r));
    return r < 0 ? 1 : 0;
}
