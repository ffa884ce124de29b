#include "bus_side.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

struct place {
    char folder[64], path[96], endpoint[128];
};

static int make_place(void **state)
{
    struct place *p = calloc(1, sizeof(*p));

    snprintf(p->folder, sizeof(p->folder), "/tmp/test-bus-XXXXXX");
    if (!mkdtemp(p->folder))
        return -1;
    snprintf(p->path, sizeof(p->path), "%s/x.sock", p->folder);
    snprintf(p->endpoint, sizeof(p->endpoint), "ipc://%s", p->path);
    *state = p;
    return 0;
}

static int remove_place(void **state)
{
    struct place *p = *state;

    unlink(p->path);
    rmdir(p->folder);
    free(p);
    return 0;
}

static void *run_side_in_thread(void *arg)
{
    run_side(arg);
    return NULL;
}

/* The first sends are refused while the connection is being made. */
static void say_when_connected(struct side *s, const char *text)
{
    for (int tries = 0; tries < 1000 && say(s, text) != BUS_OK; tries++)
        usleep(1000);
}

/* Two thousand at a time, as fast as the other side takes them. */
static void pump(void *arg)
{
    struct side *s = arg;

    for (int i = 0; i < 2000 && s->accepted < s->wanted; i++) {
        if (say(s, "payload") != BUS_OK)
            break;
        s->accepted++;
    }
    if (s->accepted < s->wanted)
        loop_timer_start(&s->pump, 200);
    else
        loop_stop(s->loop);
}

static void nothing_is_lost_below_the_high_water_mark(void **state)
{
    struct place *p = *state;
    struct bus *bus;
    struct side pull = {.wanted = 100000}, push = {.wanted = 100000};
    pthread_t thread;

    CHECK_INT(bus_new(&bus), 0);
    CHECK_INT(open_side(&pull, bus,
                        (struct bus_socket_config){
                            .pattern = BUS_PULL, .endpoint = p->endpoint, .do_bind = true}),
              0);
    CHECK_INT(open_side(&push, bus,
                        (struct bus_socket_config){.pattern = BUS_PUSH, .endpoint = p->endpoint}),
              0);
    CHECK_INT(pthread_create(&thread, NULL, run_side_in_thread, &pull), 0);
    loop_timer_init(&push.pump, push.loop, pump, &push);
    loop_timer_start(&push.pump, 0);
    run_side(&push);
    pthread_join(thread, NULL);

    CHECK(!pull.is_timed_out);
    CHECK_U64(pull.received, 100000);
    CHECK_U64(bus_socket_stats(push.socket).sent, 100000);
    CHECK_U64(bus_socket_stats(pull.socket).received, 100000);
    close_side(&push);
    close_side(&pull);
    bus_free(&bus);
}

/* Two sends per callback and no other wake-up than their replies: the case that loses edges. */
static void ask_twice(void *arg)
{
    struct side *s = arg;

    if (s->accepted < s->wanted) {
        s->accepted += say(s, "question") == BUS_OK;
        s->accepted += say(s, "question") == BUS_OK;
        loop_timer_start(&s->pump, 5000);
    }
}

static void every_reply_arrives_though_sending_consumes_the_wake_up(void **state)
{
    struct place *p = *state;
    struct bus *bus;
    struct side router = {.is_echo = true}, dealer = {.wanted = 200};
    pthread_t thread;

    CHECK_INT(bus_new(&bus), 0);
    CHECK_INT(open_side(&router, bus,
                        (struct bus_socket_config){
                            .pattern = BUS_ROUTER, .endpoint = p->endpoint, .do_bind = true}),
              0);
    CHECK_INT(open_side(&dealer, bus,
                        (struct bus_socket_config){.pattern = BUS_DEALER, .endpoint = p->endpoint}),
              0);
    CHECK_INT(pthread_create(&thread, NULL, run_side_in_thread, &router), 0);
    loop_timer_init(&dealer.pump, dealer.loop, ask_twice, &dealer);
    loop_timer_start(&dealer.pump, 0);
    run_side(&dealer);
    loop_timer_stop(&dealer.pump);
    loop_post_stop(router.loop);
    pthread_join(thread, NULL);

    CHECK(!dealer.is_timed_out);
    CHECK_U64(dealer.received, 200);
    CHECK_TEXT(dealer.last, "question");
    close_side(&dealer);
    close_side(&router);
    bus_free(&bus);
}

static void what_is_sent_was_received_or_counted_when_the_reader_pauses(void **state)
{
    struct place *p = *state;
    struct bus *bus;
    struct side pull = {0}, push = {0};

    CHECK_INT(bus_new(&bus), 0);
    CHECK_INT(open_side(&pull, bus,
                        (struct bus_socket_config){.pattern = BUS_PULL,
                                                   .endpoint = p->endpoint,
                                                   .do_bind = true,
                                                   .high_water = 50}),
              0);
    CHECK_INT(open_side(&push, bus,
                        (struct bus_socket_config){
                            .pattern = BUS_PUSH, .endpoint = p->endpoint, .high_water = 50}),
              0);
    say_when_connected(&push, "first");
    for (int i = 0; i < 5000; i++)
        (void)say(&push, "more");
    struct bus_stats sent = bus_socket_stats(push.socket);
    CHECK(sent.dropped_full > 0);
    CHECK(sent.sent > 0 && sent.sent < 5000);

    pull.wanted = sent.sent;
    run_side(&pull);
    CHECK(!pull.is_timed_out);
    CHECK_U64(bus_socket_stats(pull.socket).received, sent.sent);
    close_side(&push);
    close_side(&pull);
    bus_free(&bus);
}

static void an_absent_peer_is_known_at_once(void **state)
{
    struct place *p = *state;
    struct bus *bus;
    struct side dealer = {0}, push = {0}, router = {0};

    CHECK_INT(bus_new(&bus), 0);
    CHECK_INT(open_side(&dealer, bus,
                        (struct bus_socket_config){.pattern = BUS_DEALER, .endpoint = p->endpoint}),
              0);
    CHECK_INT(open_side(&push, bus,
                        (struct bus_socket_config){.pattern = BUS_PUSH, .endpoint = p->endpoint}),
              0);
    CHECK_INT(open_side(&router, bus,
                        (struct bus_socket_config){.pattern = BUS_ROUTER,
                                                   .endpoint = "tcp://127.0.0.1:*",
                                                   .do_bind = true}),
              0);
    CHECK_INT(say(&dealer, "anyone?"), BUS_FULL);
    CHECK_INT(say(&push, "anyone?"), BUS_FULL);
    struct bus_message m = {.frame = {STR("\1nobody"), STR("text")}, .n = 2};
    CHECK_INT(bus_socket_send(router.socket, &m), BUS_FULL);
    CHECK_U64(bus_socket_stats(router.socket).dropped_full, 1);
    close_side(&dealer);
    close_side(&push);
    close_side(&router);
    bus_free(&bus); /* and nothing unsent keeps the process from leaving */
}

static void a_restarted_peer_is_found_again_within_a_second(void **state)
{
    struct place *p = *state;
    struct bus *bus;
    struct side pull = {.wanted = 1}, push = {0};
    const struct bus_socket_config bind = {
        .pattern = BUS_PULL, .endpoint = p->endpoint, .do_bind = true};

    CHECK_INT(bus_new(&bus), 0);
    CHECK_INT(open_side(&pull, bus, bind), 0);
    CHECK_INT(open_side(&push, bus,
                        (struct bus_socket_config){.pattern = BUS_PUSH, .endpoint = p->endpoint}),
              0);
    say_when_connected(&push, "one");
    run_side(&pull);
    bus_socket_free(&pull.socket);
    for (int tries = 0; tries < 1000 && say(&push, "gone?") == BUS_OK; tries++)
        usleep(1000);
    CHECK_INT(say(&push, "gone"), BUS_FULL);

    usec_t from = clock_now();
    CHECK_INT(open_side(&pull, bus, bind), 0);
    pull.received = 0;
    say_when_connected(&push, "two");
    CHECK(clock_now() - from < USEC_PER_SEC);
    run_side(&pull);
    CHECK_TEXT(pull.last, "two");
    close_side(&pull);
    close_side(&push);
    bus_free(&bus);
}

static void the_socket_file_lets_the_group_in_and_nobody_else(void **state)
{
    struct place *p = *state;
    struct bus *bus;
    struct side pull = {0}, second = {0};
    struct stat st;
    const struct bus_socket_config config = {
        .pattern = BUS_PULL, .endpoint = p->endpoint, .do_bind = true};

    CHECK_INT(bus_new(&bus), 0);
    mode_t old = umask(0077);
    CHECK_INT(open_side(&pull, bus, config), 0);
    umask(old);
    CHECK_INT(stat(p->path, &st), 0);
    CHECK_INT(st.st_mode & 07777, 0660);

    CHECK_INT(open_side(&second, bus, config), -EADDRINUSE);
    CHECK_INT(stat(p->path, &st), 0);
    close_side(&second);
    close_side(&pull);
    bus_free(&bus);
}

static void the_socket_file_of_a_dead_process_is_replaced(void **state)
{
    struct place *p = *state;
    struct bus *bus;
    struct side pull = {0};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    strcpy(address.sun_path, p->path);
    CHECK_INT(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    close(fd);
    CHECK_INT(bus_new(&bus), 0);
    CHECK_INT(open_side(&pull, bus,
                        (struct bus_socket_config){
                            .pattern = BUS_PULL, .endpoint = p->endpoint, .do_bind = true}),
              0);
    close_side(&pull);
    bus_free(&bus);
}

static void clear_text_does_not_leave_the_host(void **state)
{
    static const struct {
        const char *endpoint;
        int result;
    } cases[] = {
        {"tcp://*:*", -EPERM},
        {"tcp://0.0.0.0:*", -EPERM},
        {"tcp://127.0.0.1.example:1", -EPERM},
        {"tcp://eth0;10.0.0.1:1", -EPERM},
        {"tipc://{1,2,3}", -EPROTONOSUPPORT},
        {"pgm://eth0;239.0.0.1:1", -EPROTONOSUPPORT},
        {"", -EPROTONOSUPPORT},
        {"tcp://127.1.2.3.4:1", -EPERM},
        {"tcp://unix:/tmp/x.sock", -EPERM},
        {"tcp://127.0.0.1:*", 0},
        {"tcp://[::1]:*", 0},
    };
    struct bus *bus;

    (void)state;
    CHECK_INT(bus_new(&bus), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct side s = {0};
        CHECK_INT(open_side(&s, bus,
                            (struct bus_socket_config){.pattern = BUS_PULL,
                                                       .endpoint = cases[i].endpoint,
                                                       .do_bind = true}),
                  cases[i].result);
        close_side(&s);
    }
    bus_free(&bus);
}

static void on_subscriber(void *arg, struct bus_socket *socket, const struct bus_message *m)
{
    struct side *s = arg;
    struct bus_message hello = {.frame = {STR("hello")}, .n = 1};

    (void)m;
    s->received++;
    CHECK_INT(bus_socket_send(socket, &hello), BUS_OK);
}

static void who_subscribes_can_be_told_at_once(void **state)
{
    struct place *p = *state;
    struct bus *bus;
    struct side pub = {0}, sub = {.wanted = 1}, again = {.wanted = 1};
    struct bus_socket_config config = {.pattern = BUS_PUB,
                                       .endpoint = p->endpoint,
                                       .do_bind = true,
                                       .on_message = on_subscriber,
                                       .arg = &pub};

    CHECK_INT(bus_new(&bus), 0);
    CHECK_INT(loop_new(&sub.loop), 0);
    CHECK_INT(bus_socket_new(bus, sub.loop, &config, &pub.socket), 0);
    again.loop = sub.loop;
    config = (struct bus_socket_config){.pattern = BUS_SUB, .endpoint = p->endpoint};
    CHECK_INT(open_side(&sub, bus, config), 0);
    run_side(&sub);
    CHECK(!sub.is_timed_out);
    CHECK_TEXT(sub.last, "hello");
    CHECK_INT(open_side(&again, bus, config), 0);
    run_side(&again);
    CHECK(!again.is_timed_out);
    CHECK_U64(pub.received, 2);
    bus_socket_free(&again.socket);
    bus_socket_free(&pub.socket);
    close_side(&sub);
    bus_free(&bus);
}

static void send_garbage(const char *path, unsigned seed)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    unsigned char bytes[200];

    strcpy(address.sun_path, path);
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)rand_r(&seed);
    if (seed % 2) /* a fair greeting, so that the garbage is read as commands */
        memcpy(bytes, "\377\0\0\0\0\0\0\0\1\177\3\0NULL", 16);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        (void)!send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL);
    close(fd);
}

static void garbage_on_the_wire_harms_nobody(void **state)
{
    struct place *p = *state;
    struct bus *bus;
    struct side pull = {.until = "still there"}, push = {0};

    CHECK_INT(bus_new(&bus), 0);
    CHECK_INT(open_side(&pull, bus,
                        (struct bus_socket_config){
                            .pattern = BUS_PULL, .endpoint = p->endpoint, .do_bind = true}),
              0);
    for (unsigned i = 0; i < 1000; i++)
        send_garbage(p->path, i);
    CHECK_INT(open_side(&push, bus,
                        (struct bus_socket_config){.pattern = BUS_PUSH, .endpoint = p->endpoint}),
              0);
    say_when_connected(&push, "still there");
    run_side(&pull);
    CHECK(!pull.is_timed_out);
    close_side(&push);
    close_side(&pull);
    bus_free(&bus);
}

static void too_many_frames_are_dropped_and_counted(void **state)
{
    struct place *p = *state;
    struct bus *bus;
    struct side pull = {.wanted = 1};
    void *context = zmq_ctx_new(), *raw = zmq_socket(context, ZMQ_PUSH);

    CHECK_INT(bus_new(&bus), 0);
    CHECK_INT(open_side(&pull, bus,
                        (struct bus_socket_config){
                            .pattern = BUS_PULL, .endpoint = p->endpoint, .do_bind = true}),
              0);
    CHECK_INT(zmq_connect(raw, p->endpoint), 0);
    for (int i = 0; i < 100; i++)
        CHECK(zmq_send(raw, "x", 1, i < 99 ? ZMQ_SNDMORE : 0) == 1);
    CHECK(zmq_send(raw, "fine", 4, 0) == 4);
    run_side(&pull);
    CHECK_TEXT(pull.last, "fine");
    CHECK_U64(bus_socket_stats(pull.socket).dropped_invalid, 1);
    CHECK_U64(bus_socket_stats(pull.socket).received, 1);
    close_side(&pull);
    bus_free(&bus);
    zmq_close(raw);
    zmq_ctx_term(context);
}

int main(void)
{
#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)
    const struct CMUnitTest tests[] = {
        IN_PLACE(nothing_is_lost_below_the_high_water_mark),
        IN_PLACE(every_reply_arrives_though_sending_consumes_the_wake_up),
        IN_PLACE(what_is_sent_was_received_or_counted_when_the_reader_pauses),
        IN_PLACE(an_absent_peer_is_known_at_once),
        IN_PLACE(a_restarted_peer_is_found_again_within_a_second),
        IN_PLACE(the_socket_file_lets_the_group_in_and_nobody_else),
        IN_PLACE(the_socket_file_of_a_dead_process_is_replaced),
        cmocka_unit_test(clear_text_does_not_leave_the_host),
        IN_PLACE(who_subscribes_can_be_told_at_once),
        IN_PLACE(garbage_on_the_wire_harms_nobody),
        IN_PLACE(too_many_frames_are_dropped_and_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
