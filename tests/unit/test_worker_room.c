/* Is there room for a worker, and what does it see of our environment? */
#include "worker_environment.h"
#include "worker_room.h"

#include "check.h"

#include <math.h>
#include <string.h>

#define MIB (UINT64_C(1) << 20)

static const struct worker_room_have plenty = {.memory_available = 1024.0 * MIB,
                                               .disk_available = 1024.0 * MIB,
                                               .vram_available = 1024.0 * MIB};
static const struct worker_room_need need = {
    .memory = 100 * MIB, .vram = 50 * MIB, .disk = 10 * MIB};

static void whoever_needs_nothing_known_has_room_everywhere(void **state)
{
    struct worker_room_need nothing = {0, 0, 0};
    struct worker_room_have none = {.memory_available = 0,
                                    .disk_available = 0,
                                    .vram_available = 0,
                                    .budget = 1,
                                    .budget_taken = 1};

    (void)state;
    CHECK_INT(worker_room_look(&nothing, &none), WORKER_ROOM_OK);
    CHECK_INT(worker_room_look(&need, &plenty), WORKER_ROOM_OK);
}

static void what_nobody_can_tell_is_not_looked_at(void **state)
{
    struct worker_room_have unknown = {NAN, NAN, NAN, false, false, 0, 0, 0};

    (void)state;
    CHECK_INT(worker_room_look(&need, &unknown), WORKER_ROOM_OK);
}

static void each_want_has_its_word(void **state)
{
    struct worker_room_have have = plenty;

    (void)state;
    have.memory_available = 100.0 * MIB - 1;
    CHECK_INT(worker_room_look(&need, &have), WORKER_ROOM_MEMORY);
    have = plenty;
    have.memory_promised = 1024 * MIB - need.memory + 1;
    CHECK_INT(worker_room_look(&need, &have), WORKER_ROOM_MEMORY);
    have.memory_promised--;
    CHECK_INT(worker_room_look(&need, &have), WORKER_ROOM_OK);
    have = plenty;
    have.disk_available = 0;
    CHECK_INT(worker_room_look(&need, &have), WORKER_ROOM_DISK);
    have = plenty;
    have.vram_available = 0;
    CHECK_INT(worker_room_look(&need, &have), WORKER_ROOM_VRAM);
    have = plenty;
    have.is_gpu_missing = true;
    CHECK_INT(worker_room_look(&need, &have), WORKER_ROOM_GPU);
    have.is_port_taken = true;
    CHECK_INT(worker_room_look(&need, &have), WORKER_ROOM_PORT);
}

static void a_budget_is_kept_to_the_byte(void **state)
{
    struct worker_room_have have = plenty;

    (void)state;
    have.budget = 250 * MIB;
    have.budget_taken = 150 * MIB;
    CHECK_INT(worker_room_look(&need, &have), WORKER_ROOM_OK);
    have.budget_taken++;
    CHECK_INT(worker_room_look(&need, &have), WORKER_ROOM_BUDGET);
    have.budget_taken = UINT64_MAX; /* after a reload it may be over */
    CHECK_INT(worker_room_look(&need, &have), WORKER_ROOM_BUDGET);
}

static void others_can_free_memory_and_no_disk(void **state)
{
    (void)state;
    CHECK(worker_room_is_freed_by_others(WORKER_ROOM_MEMORY));
    CHECK(worker_room_is_freed_by_others(WORKER_ROOM_BUDGET));
    CHECK(worker_room_is_freed_by_others(WORKER_ROOM_VRAM));
    CHECK(!worker_room_is_freed_by_others(WORKER_ROOM_DISK));
    CHECK(!worker_room_is_freed_by_others(WORKER_ROOM_GPU));
    CHECK(!worker_room_is_freed_by_others(WORKER_ROOM_PORT));
    for (enum worker_room a = WORKER_ROOM_OK; a <= WORKER_ROOM_PORT; a++)
        for (enum worker_room b = WORKER_ROOM_OK; b < a; b++)
            CHECK(strcmp(worker_room_text(a), worker_room_text(b)) != 0);
}

static bool sees(const struct worker_environment *e, const char *entry)
{
    for (size_t i = 0; i < e->n; i++)
        if (strcmp(e->entry[i], entry) == 0)
            return true;
    return false;
}

static void a_worker_sees_what_it_needs_and_no_secret(void **state)
{
    char *ours[] = {"PATH=/bin",     "HOME=/root",      "LC_ALL=C",           "OPENAI_API_KEY=sk",
                    "HF_HOME=/hf",   "HF_HUB_TOKEN=hf", "CUDA_CACHE_PATH=/c", "NOTIFY_SOCKET=/",
                    "CUDA_SECRET=x", "PATHS=/no",       "no-equals-sign",     NULL};
    struct worker_environment_of of = {"llama", "gpu3", "LLM_WORKER_TAG=abc", 9101};
    struct worker_environment e;

    (void)state;
    worker_environment_make(&e, ours, &of);
    CHECK(sees(&e, "PATH=/bin") && sees(&e, "HOME=/root") && sees(&e, "LC_ALL=C"));
    CHECK(sees(&e, "HF_HOME=/hf") && sees(&e, "CUDA_CACHE_PATH=/c"));
    CHECK(sees(&e, "LLM_WORKER_TAG=abc") && sees(&e, "LLM_WORKER=llama") && sees(&e, "PORT=9101"));
    CHECK(sees(&e, "CUDA_VISIBLE_DEVICES=3") && sees(&e, "HIP_VISIBLE_DEVICES=3"));
    CHECK(sees(&e, "CUDA_DEVICE_ORDER=PCI_BUS_ID"));
    CHECK_U64(e.n, 11);
    CHECK(e.entry[e.n] == NULL);
    worker_environment_done(&e);
}

static void the_operators_choice_of_gpus_stands_and_without_one_there_is_none(void **state)
{
    char *ours[] = {"CUDA_VISIBLE_DEVICES=GPU-uuid", NULL};
    struct worker_environment_of of = {"llama", "gpu0", "T=1", 1};
    struct worker_environment e;

    (void)state;
    worker_environment_make(&e, ours, &of);
    CHECK(sees(&e, "CUDA_VISIBLE_DEVICES=GPU-uuid") && !sees(&e, "CUDA_VISIBLE_DEVICES=0"));
    worker_environment_done(&e);
    of.device = "cpu";
    worker_environment_make(&e, ours + 1, &of);
    CHECK_U64(e.n, 3);
    worker_environment_done(&e);
}

static void an_environment_has_its_ceiling(void **state)
{
    char *ours[WORKER_ENVIRONMENT_MAX * 2 + 1];
    struct worker_environment_of of = {"llama", "gpu0", "T=1", 1};
    struct worker_environment e;

    (void)state;
    for (size_t i = 0; i < WORKER_ENVIRONMENT_MAX * 2; i++)
        ours[i] = "LC_X=1";
    ours[WORKER_ENVIRONMENT_MAX * 2] = NULL;
    worker_environment_make(&e, ours, &of);
    CHECK_U64(e.n, WORKER_ENVIRONMENT_MAX);
    CHECK(sees(&e, "CUDA_VISIBLE_DEVICES=0"));
    worker_environment_done(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whoever_needs_nothing_known_has_room_everywhere),
        cmocka_unit_test(what_nobody_can_tell_is_not_looked_at),
        cmocka_unit_test(each_want_has_its_word),
        cmocka_unit_test(a_budget_is_kept_to_the_byte),
        cmocka_unit_test(others_can_free_memory_and_no_disk),
        cmocka_unit_test(a_worker_sees_what_it_needs_and_no_secret),
        cmocka_unit_test(the_operators_choice_of_gpus_stands_and_without_one_there_is_none),
        cmocka_unit_test(an_environment_has_its_ceiling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
