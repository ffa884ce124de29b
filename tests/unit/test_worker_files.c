/* worker_cgroup, worker_memory, worker_register and worker_sweep over trees of files made here. */
#include "worker_cgroup.h"
#include "worker_memory.h"
#include "worker_register.h"
#include "worker_sweep.h"

#include "folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64];

static const char *path_of(const char *name)
{
    static char path[4][512];
    static unsigned turn;

    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof(path[0]), "%s/%s", root, name);
    return path[turn];
}

static void put(const char *name, const char *text)
{
    folder_put(root, name, text);
}

static bool holds(const char *name, const char *text)
{
    char found[512] = "";
    FILE *f = fopen(path_of(name), "re");

    if (!f)
        return false;
    found[fread(found, 1, sizeof(found) - 1, f)] = '\0';
    fclose(f);
    return strcmp(found, text) == 0;
}

static int make_root(void **state)
{
    (void)state;
    return folder_make(root, sizeof(root)) ? 0 : -1;
}

static int remove_root(void **state)
{
    (void)state;
    return folder_remove(root);
}

/* The kernel makes these files in a new directory; here they are there before. */
static void put_group(const char *folder)
{
    static const char *const files[] = {"cgroup.procs", "cgroup.kill", "memory.max",
                                        "memory.oom.group", "memory.swap.max"};
    char name[256];

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        snprintf(name, sizeof(name), "%s/%s", folder, files[i]);
        put(name, "");
    }
}

static void open_tree(struct worker_cgroup_tree *t, const char *own)
{
    put("fs/unit.service/cgroup.controllers", "cpu memory pids\n");
    put("fs/unit.service/cgroup.subtree_control", "");
    put_group("fs/unit.service/daemon");
    put("own", own);
    worker_cgroup_open(path_of("fs"), path_of("own"), t);
}

static void we_move_into_a_leaf_and_limit_memory_below(void **state)
{
    struct worker_cgroup_tree t;
    char path[512];

    (void)state;
    open_tree(&t, "0::/unit.service\n");
    CHECK_TEXT(t.path, path_of("fs/unit.service"));
    CHECK(t.has_memory);
    CHECK(holds("fs/unit.service/daemon/cgroup.procs", "0"));
    CHECK(holds("fs/unit.service/cgroup.subtree_control", "+memory"));
    put_group("fs/unit.service/worker-llama");
    CHECK(worker_cgroup_make(&t, "llama", 12345678, path, sizeof(path)));
    CHECK_TEXT(path, path_of("fs/unit.service/worker-llama"));
    CHECK(holds("fs/unit.service/worker-llama/memory.max", "12345678"));
    CHECK(holds("fs/unit.service/worker-llama/memory.oom.group", "1"));
    worker_cgroup_kill(path);
    CHECK(holds("fs/unit.service/worker-llama/cgroup.kill", "1"));
}

static void after_a_crash_we_are_found_in_our_leaf_and_what_is_left_is_killed(void **state)
{
    struct worker_cgroup_tree t;

    (void)state;
    put_group("fs/unit.service/worker-old");
    open_tree(&t, "12:pids:/x\n0::/unit.service/daemon\n");
    CHECK_TEXT(t.path, path_of("fs/unit.service"));
    CHECK(holds("fs/unit.service/worker-old/cgroup.kill", "1"));
}

static void nobody_has_given_us_the_root_or_what_cannot_be_written(void **state)
{
    struct worker_cgroup_tree t;
    char path[512];

    (void)state;
    open_tree(&t, "0::/\n");
    CHECK_TEXT(t.path, "");
    CHECK(!worker_cgroup_make(&t, "llama", 0, path, sizeof(path)));
    open_tree(&t, "0::/elsewhere\n");
    CHECK_TEXT(t.path, "");
    open_tree(&t, "");
    CHECK_TEXT(t.path, "");
    worker_cgroup_open(path_of("fs"), path_of("nowhere"), &t);
    CHECK_TEXT(t.path, "");
}

static void without_the_controller_there_is_a_group_and_no_limit(void **state)
{
    struct worker_cgroup_tree t;
    char path[512];

    (void)state;
    open_tree(&t, "0::/unit.service\n");
    put("fs/unit.service/cgroup.controllers", "\n");
    worker_cgroup_open(path_of("fs"), path_of("own"), &t);
    CHECK(t.path[0] && !t.has_memory);
    put_group("fs/unit.service/worker-llama");
    CHECK(worker_cgroup_make(&t, "llama", 1000, path, sizeof(path)));
    CHECK(holds("fs/unit.service/worker-llama/memory.max", ""));
}

static void the_kernel_says_why_something_was_killed(void **state)
{
    (void)state;
    put("g/memory.events", "low 0\nhigh 0\nmax 17\noom 1\noom_kill 0\noom_group_kill 0\n");
    CHECK(!worker_cgroup_was_out_of_memory(path_of("g")));
    put("g/memory.events", "low 0\nhigh 0\nmax 17\noom 1\noom_kill 3\noom_group_kill 1\n");
    CHECK(worker_cgroup_was_out_of_memory(path_of("g")));
    CHECK(!worker_cgroup_was_out_of_memory(path_of("none")));
}

static void memory_is_that_of_a_process_and_all_below_it(void **state)
{
    struct worker_memory m;

    (void)state;
    put("proc/10/status", "Name:\tx\nVmRSS:\t  100 kB\nRssAnon:\t 60 kB\nRssFile:\t 30 kB\n"
                          "RssShmem:\t 10 kB\n");
    put("proc/10/task/10/children", "11 12 ");
    put("proc/10/task/99/children", "13 "); /* begun by another thread */
    put("proc/11/status", "VmRSS:\t1000 kB\nRssAnon:\t1000 kB\n");
    put("proc/11/task/11/children", "14");
    put("proc/13/status", "Name:\tzombie\n");
    put("proc/14/status", "VmRSS:\t7 kB\nRssAnon:\t1 kB\n");
    worker_memory_read(root, 10, &m);
    CHECK_U64(m.resident, 1107 * 1024);
    CHECK_U64(m.own, 1071 * 1024);
    worker_memory_read(root, 12, &m);
    CHECK_U64(m.resident, 0);
}

static void a_register_is_read_as_it_was_written(void **state)
{
    struct worker_register_row rows[3] = {
        {"llama", "LLM_WORKER_TAG=1", false}, {"embedder", "", true}, {"x", "T=2", true}};
    struct worker_register_row again[3];
    size_t n = 7;

    (void)state;
    CHECK_INT(worker_register_read(path_of("none"), again, 3, &n), -ENOENT);
    CHECK_U64(n, 0);
    CHECK_INT(worker_register_write(path_of("r"), rows, 3), 0);
    CHECK_INT(worker_register_read(path_of("r"), again, 3, &n), 0);
    CHECK_U64(n, 3);
    for (size_t i = 0; i < n; i++) {
        CHECK_TEXT(again[i].name, rows[i].name);
        CHECK_TEXT(again[i].tag, rows[i].tag);
        CHECK(again[i].is_held == rows[i].is_held);
    }
    CHECK_INT(worker_register_read(path_of("r"), again, 2, &n), 0);
    CHECK_U64(n, 2);
    CHECK_INT(worker_register_write(path_of("r"), rows, 0), 0);
    CHECK_INT(worker_register_read(path_of("r"), again, 3, &n), 0);
    CHECK_U64(n, 0);
    CHECK_INT(worker_register_write("/nowhere/r", rows, 1), -ENOENT);
}

static void what_is_no_row_is_left_out(void **state)
{
    struct worker_register_row rows[8];
    size_t n;

    (void)state;
    put("r", "\n \nname\nname perhaps TAG=1\n held x\ngood held TAG=1\nalso free \n");
    CHECK_INT(worker_register_read(path_of("r"), rows, 8, &n), 0);
    CHECK_U64(n, 2);
    CHECK_TEXT(rows[0].name, "good");
    CHECK_TEXT(rows[1].tag, "");
}

/* Numbers of processes that cannot be: nothing is killed if the test is wrong. */
static void only_who_has_the_whole_tag_is_met(void **state)
{
    (void)state;
    put("proc/4194305/environ", "PATH=/bin");
    put("proc/4194306/environ", "XLLM_WORKER_TAG=1");
    put("proc/4194307/environ", "LLM_WORKER_TAG=12");
    put("proc/self/environ", "LLM_WORKER_TAG=1");
    CHECK_U64(worker_sweep(root, "LLM_WORKER_TAG=1", NULL), 0);
    put("proc/4194308/environ", "LLM_WORKER_TAG=1");
    CHECK(worker_sweep(root, "LLM_WORKER_TAG=1", NULL) > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_root, remove_root)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(we_move_into_a_leaf_and_limit_memory_below),
        TEST(after_a_crash_we_are_found_in_our_leaf_and_what_is_left_is_killed),
        TEST(nobody_has_given_us_the_root_or_what_cannot_be_written),
        TEST(without_the_controller_there_is_a_group_and_no_limit),
        TEST(the_kernel_says_why_something_was_killed),
        TEST(memory_is_that_of_a_process_and_all_below_it),
        TEST(a_register_is_read_as_it_was_written),
        TEST(what_is_no_row_is_left_out),
        TEST(only_who_has_the_whole_tag_is_met),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
