/* Who gets in over tcp, with which key, and who is counted out. */
#include "bus_side.h"
#include "io/bus_keys.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static bool tries(struct bus *bus, struct side *pull, const struct bus_curve *keys, int times)
{
    struct side push = {0};
    char endpoint[128];

    CHECK_INT(bus_socket_endpoint(pull->socket, endpoint, sizeof(endpoint)), 0);
    CHECK_INT(open_side(&push, bus,
                        (struct bus_socket_config){
                            .pattern = BUS_PUSH, .endpoint = endpoint, .curve = keys}),
              0);
    bool yes = false;
    for (int i = 0; i < times && !yes; i++, usleep(1000))
        yes = say(&push, "hello") == BUS_OK;
    close_side(&push);
    return yes;
}

static bool reaches(struct bus *bus, struct side *pull, const struct bus_curve *keys)
{
    return tries(bus, pull, keys, 10000);
}

static bool is_kept_out(struct bus *bus, struct side *pull, const struct bus_curve *keys)
{
    return !tries(bus, pull, keys, 200);
}

static void stop_looking(void *arg)
{
    struct side *s = arg;

    loop_stop(s->loop);
}

static void look(struct side *s)
{
    struct loop_timer soon;

    loop_timer_init(&soon, s->loop, stop_looking, s);
    loop_timer_start(&soon, 20 * USEC_PER_MSEC);
    loop_run(s->loop);
}

/* What has happened to the side is told to its loop. */
static bool counts_a_wrong_key(struct side *s)
{
    for (int i = 0; i < 500 && bus_socket_stats(s->socket).refused_key == 0; i++)
        look(s);
    return bus_socket_stats(s->socket).refused_key > 0;
}

static bool counts_a_bad_handshake(struct side *s)
{
    for (int i = 0; i < 500 && bus_socket_stats(s->socket).refused_handshake == 0; i++)
        look(s);
    return bus_socket_stats(s->socket).refused_handshake > 0;
}

struct pair {
    char public[BUS_KEYS_TEXT], secret[BUS_KEYS_TEXT];
};

static struct bus_curve new_keys(struct pair *p)
{
    CHECK_INT(bus_keys_make(p->public, p->secret), 0);
    CHECK(bus_keys_is_pair(p->public, p->secret));
    return (struct bus_curve){.public_key = p->public, .secret_key = p->secret};
}

static void bind_pull(struct side *pull, struct bus *bus, const struct bus_curve *keys)
{
    CHECK_INT(open_side(pull, bus,
                        (struct bus_socket_config){.pattern = BUS_PULL,
                                                   .endpoint = "tcp://127.0.0.1:*",
                                                   .do_bind = true,
                                                   .curve = keys}),
              0);
}

static void only_holders_of_the_key_pair_get_in(void **state)
{
    struct pair own, other;
    struct bus *bus;
    struct side pull = {0};

    (void)state;
    const struct bus_curve keys = new_keys(&own);
    struct bus_curve stranger = new_keys(&other);
    stranger.server_key = own.public;
    const struct bus_curve broken = {.public_key = "short", .secret_key = own.secret};

    CHECK_INT(bus_new(&bus), 0);
    bind_pull(&pull, bus, &keys);
    CHECK(reaches(bus, &pull, &keys));
    look(&pull);
    CHECK_U64(bus_socket_stats(pull.socket).refused_key, 0);
    CHECK(is_kept_out(bus, &pull, &stranger));
    CHECK(counts_a_wrong_key(&pull));
    CHECK_U64(bus_socket_stats(pull.socket).refused_handshake, 0);
    CHECK(is_kept_out(bus, &pull, NULL));
    CHECK(counts_a_bad_handshake(&pull));
    struct side s = {0};
    CHECK_INT(open_side(&s, bus,
                        (struct bus_socket_config){.pattern = BUS_PUSH,
                                                   .endpoint = "tcp://127.0.0.1:1",
                                                   .curve = &broken}),
              -EINVAL);
    close_side(&s);
    close_side(&pull);
    bus_free(&bus);
}

static void who_is_on_the_list_gets_in_with_a_pair_of_its_own(void **state)
{
    struct pair server, first, second, other;
    struct bus *bus;
    struct side one = {0}, two = {0};

    (void)state;
    struct bus_curve keys = new_keys(&server), friend = new_keys(&first), rival = new_keys(&second),
                     stranger = new_keys(&other);
    friend.server_key = rival.server_key = stranger.server_key = server.public;
    const char *const friends[] = {rival.public_key, friend.public_key};
    const char *const rivals[] = {rival.public_key};
    const char *const nobodies[] = {"0123456789"};

    CHECK_INT(bus_new(&bus), 0);
    keys.allowed = friends;
    keys.n_allowed = 2;
    bind_pull(&one, bus, &keys);
    keys.allowed = rivals;
    keys.n_allowed = 1;
    bind_pull(&two, bus, &keys);
    CHECK(reaches(bus, &one, &friend));
    CHECK(reaches(bus, &one, &rival));
    CHECK(reaches(bus, &two, &rival));
    CHECK(is_kept_out(bus, &two, &friend));
    CHECK(is_kept_out(bus, &one, &stranger));
    CHECK(counts_a_wrong_key(&two));

    keys.server_key = server.public; /* its own pair is not on the list */
    CHECK(is_kept_out(bus, &one, &keys));
    close_side(&one);
    CHECK(reaches(bus, &two, &rival));
    friend.server_key = other.public;
    CHECK(is_kept_out(bus, &two, &friend));
    CHECK(counts_a_bad_handshake(&two));

    struct side s = {0};
    keys.allowed = nobodies;
    CHECK_INT(open_side(&s, bus,
                        (struct bus_socket_config){.pattern = BUS_PULL,
                                                   .endpoint = "tcp://127.0.0.1:*",
                                                   .do_bind = true,
                                                   .curve = &keys}),
              -EINVAL);
    close_side(&s);
    close_side(&two);
    bus_free(&bus);
}

static void a_text_that_is_no_key_makes_no_pair(void **state)
{
    struct pair one, two;

    (void)state;
    CHECK_INT(bus_keys_make(one.public, one.secret), 0);
    CHECK_INT(bus_keys_make(two.public, two.secret), 0);
    CHECK(!bus_keys_is_pair(one.public, two.secret));
    CHECK(!bus_keys_is_pair(one.public, ""));
    CHECK(!bus_keys_is_pair(
        one.public,
        "\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\""));
}

static void send_garbage_over_tcp(uint16_t port, unsigned seed)
{
    static const char greeting[64] = "\377\0\0\0\0\0\0\0\1\177\3\0CURVE";
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    unsigned char bytes[400];
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)rand_r(&seed);
    if (seed % 2)
        memcpy(bytes, greeting, sizeof(greeting));
    if (seed % 4 == 1) /* a command of the right length, up to its content */
        memcpy(bytes + sizeof(greeting), "\4\310\5HELLO\1\0", 10);
    CHECK_INT(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    (void)!send(fd, bytes, 1 + seed % sizeof(bytes), MSG_NOSIGNAL);
    close(fd);
}

static void garbage_at_a_door_with_a_lock_harms_nobody_and_is_counted(void **state)
{
    struct pair own;
    struct bus *bus;
    struct side pull = {0};
    const struct bus_curve keys = new_keys(&own);
    char endpoint[128];

    (void)state;
    CHECK_INT(bus_new(&bus), 0);
    bind_pull(&pull, bus, &keys);
    CHECK_INT(bus_socket_endpoint(pull.socket, endpoint, sizeof(endpoint)), 0);
    for (unsigned i = 0; i < 1000; i++)
        send_garbage_over_tcp((uint16_t)atoi(strrchr(endpoint, ':') + 1), i);
    CHECK(reaches(bus, &pull, &keys));
    CHECK(counts_a_bad_handshake(&pull));
    close_side(&pull);
    bus_free(&bus);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_holders_of_the_key_pair_get_in),
        cmocka_unit_test(who_is_on_the_list_gets_in_with_a_pair_of_its_own),
        cmocka_unit_test(a_text_that_is_no_key_makes_no_pair),
        cmocka_unit_test(garbage_at_a_door_with_a_lock_harms_nobody_and_is_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
