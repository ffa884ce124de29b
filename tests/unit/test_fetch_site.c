#include "check.h"

#include "io/fetch_site.h"

#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

/* A listener nobody accepts from: its backlog is peer enough. */
struct fixture {
    struct loop *loop;
    struct fetch_sites sites;
    struct fetch_site *site;
    int listener;
    struct loop_timer timer;
};

static void set_up(struct fixture *f)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);
    char url[64];

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK_INT(loop_new(&f->loop), 0);
    f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_INT(bind(f->listener, (struct sockaddr *)&address, size), 0);
    CHECK_INT(listen(f->listener, 4096), 0);
    CHECK_INT(getsockname(f->listener, (struct sockaddr *)&address, &size), 0);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/v1", ntohs(address.sin_port));
    fetch_site_init(&f->sites, f->loop);
    f->site = fetch_site_enter(&f->sites, url);
    CHECK(f->site != NULL);
}

static void tear_down(struct fixture *f)
{
    fetch_site_leave(&f->site);
    fetch_site_done(&f->sites);
    close(f->listener);
    loop_free(&f->loop);
}

static void stop(void *arg, int error)
{
    CHECK_INT(error, 0);
    loop_stop(arg);
}

static struct fetch_connection *connect_one(struct fixture *f)
{
    struct fetch_connection *c;
    int result = fetch_connection_new(f->loop, &f->site->addresses, 0, &c);

    CHECK(result >= 0);
    if (result == FETCH_CONNECTION_OPENING) {
        fetch_connection_on_open(c, stop, f->loop);
        loop_run(f->loop);
    }
    return c;
}

static void test_one_site_a_base_url(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    struct fetch_site *same = fetch_site_enter(&f.sites, f.site->base_url);
    struct fetch_site *other = fetch_site_enter(&f.sites, "http://127.0.0.1:1");

    CHECK(same == f.site);
    CHECK(other != f.site);
    CHECK(fetch_site_enter(&f.sites, "ftp://127.0.0.1") == NULL);
    fetch_site_leave(&same);
    fetch_site_leave(&other);
    tear_down(&f);
}

static void test_the_latest_idle_connection_is_the_next_to_be_used(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    struct fetch_connection *first = connect_one(&f), *second = connect_one(&f);

    CHECK(fetch_site_take_idle(f.site) == NULL);
    fetch_site_keep(f.site, first);
    fetch_site_keep(f.site, second);
    CHECK(fetch_site_take_idle(f.site) == second);
    CHECK(fetch_site_take_idle(f.site) == first);
    CHECK(fetch_site_take_idle(f.site) == NULL);
    fetch_connection_close(&first);
    fetch_connection_close(&second);
    tear_down(&f);
}

static void test_idle_connections_have_a_ceiling(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);

    for (unsigned i = 0; i < FETCH_SITE_MAX_IDLE + 3; i++)
        fetch_site_keep(f.site, connect_one(&f));
    CHECK_U64(f.site->n_idle, FETCH_SITE_MAX_IDLE);
    tear_down(&f);
}

static void on_time(void *arg)
{
    loop_stop(arg);
}

static void test_an_idle_connection_that_its_peer_closes_is_gone(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    fetch_site_keep(f.site, connect_one(&f));
    int peer = accept(f.listener, NULL, NULL);

    CHECK(peer >= 0);
    CHECK_U64(f.site->n_idle, 1);
    close(peer);
    loop_timer_init(&f.timer, f.loop, on_time, f.loop);
    loop_timer_start(&f.timer, 0);
    loop_run(f.loop);
    CHECK_U64(f.site->n_idle, 0);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_site_a_base_url),
        cmocka_unit_test(test_the_latest_idle_connection_is_the_next_to_be_used),
        cmocka_unit_test(test_idle_connections_have_a_ceiling),
        cmocka_unit_test(test_an_idle_connection_that_its_peer_closes_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
