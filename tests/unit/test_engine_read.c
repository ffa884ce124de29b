#include "engine_read.h"

#include "check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool is_number(double a, double b)
{
    return (isnan(a) && isnan(b)) || fabs(a - b) < 1e-9;
}

static struct engine_reading read_list(const char *json)
{
    struct engine_reading r = engine_read_none();
    const struct json_value *root;
    struct arena a;
    size_t offset;

    arena_init(&a, 1 << 20);
    CHECK_INT(json_parse(&a, str_from(json), &root, &offset), JSON_OK);
    engine_read_list(json_get(root, "data"), &a, &r);
    arena_done(&a);
    return r;
}

static struct engine_reading read_text(enum engine_kind kind, const char *text)
{
    struct engine_reading r = engine_read_none();

    r.kind = kind;
    CHECK(engine_read_metrics(str_from(text), &r));
    return r;
}

static void a_list_of_models_says_who_serves_it(void **state)
{
    static const struct {
        const char *owner;
        enum engine_kind kind;
    } owners[] = {{"vllm", ENGINE_VLLM},
                  {"sglang", ENGINE_SGLANG},
                  {"llamacpp", ENGINE_LLAMA_SERVER},
                  {"library", ENGINE_OLLAMA},
                  {"openai", ENGINE_UNKNOWN}};
    char json[256];

    (void)state;
    for (size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++) {
        snprintf(json, sizeof(json), "{\"data\":[{\"id\":\"m\",\"owned_by\":\"%s\"}]}",
                 owners[i].owner);
        CHECK_INT(read_list(json).kind, owners[i].kind);
    }
}

static void vllm_lists_what_is_loaded_and_how_long_its_context_is(void **state)
{
    struct engine_reading r =
        read_list("{\"object\":\"list\",\"data\":[{\"id\":\"llama-8b\",\"object\":\"model\","
                  "\"owned_by\":\"vllm\",\"root\":\"llama-8b\",\"parent\":null,"
                  "\"max_model_len\":8192},{\"id\":\"lora\",\"owned_by\":\"vllm\"}]}");

    (void)state;
    CHECK(is_number(r.loaded, 2));
    CHECK_U64(r.context_length, 8192);
    CHECK_U64(r.n_names, 2);
    CHECK_STR(str_from(r.name[0]), "llama-8b");
    CHECK(is_number(r.running, NAN));
}

static void what_ollama_lists_need_not_be_loaded(void **state)
{
    struct engine_reading r = read_list("{\"data\":[{\"id\":\"m\",\"owned_by\":\"library\"}]}");

    (void)state;
    CHECK(is_number(r.loaded, NAN));
    CHECK_U64(r.n_names, 0);
    CHECK(engine_read_ps(STR("{\"models\":[{\"name\":\"llama3.2:3b\",\"model\":\"llama3.2:3b\","
                             "\"size\":5137025024,\"digest\":\"365c\",\"expires_at\":"
                             "\"2026-11-21T14:38:31Z\",\"size_vram\":5137025024,"
                             "\"context_length\":4096}]}"),
                         &r));
    CHECK(is_number(r.loaded, 1));
    CHECK_STR(str_from(r.name[0]), "llama3.2:3b");
    CHECK_U64(r.context_length, 4096);
    CHECK(engine_read_ps(STR("{\"models\":[]}"), &r));
    CHECK(is_number(r.loaded, 0));
    CHECK_U64(r.n_names, 0);
}

static void slots_of_llama_server_are_counted_in_both_spellings(void **state)
{
    struct engine_reading r = engine_read_none();

    (void)state;
    CHECK(engine_read_slots(STR("[{\"id\":0,\"n_ctx\":4096,\"is_processing\":true},"
                                "{\"id\":1,\"n_ctx\":4096,\"is_processing\":false}]"),
                            &r));
    CHECK(is_number(r.running, 1));
    CHECK_U64(r.context_length, 4096);
    CHECK(engine_read_slots(STR("[{\"id\":0,\"n_ctx\":2048,\"state\":1},{\"id\":1,\"state\":1},"
                                "{\"id\":2,\"state\":0}]"),
                            &r));
    CHECK(is_number(r.running, 2));
    CHECK_U64(r.context_length, 2048);
}

static void llama_server_s_metrics_with_and_without_the_cache(void **state)
{
    struct engine_reading r =
        read_text(ENGINE_LLAMA_SERVER, "# HELP llamacpp:requests_processing Number of requests.\n"
                                       "# TYPE llamacpp:requests_processing gauge\n"
                                       "llamacpp:requests_processing 3\n"
                                       "llamacpp:requests_deferred 2\n"
                                       "llamacpp:n_decode_total 900\n");

    (void)state;
    CHECK(is_number(r.running, 3));
    CHECK(is_number(r.waiting, 2));
    CHECK(is_number(r.kv_cache_usage, NAN));
    r = read_text(ENGINE_UNKNOWN, "llamacpp:kv_cache_usage_ratio 0.5\n");
    CHECK_INT(r.kind, ENGINE_LLAMA_SERVER);
    CHECK(is_number(r.kv_cache_usage, 0.5));
    CHECK(is_number(r.running, NAN));
}

static void vllm_s_old_and_new_name_of_the_cache(void **state)
{
    (void)state;
    struct engine_reading old =
        read_text(ENGINE_VLLM, "vllm:num_requests_running{model_name=\"m\"} 4.0\n"
                               "vllm:num_requests_waiting{model_name=\"m\"} 1.0\n"
                               "vllm:gpu_cache_usage_perc{model_name=\"m\"} 0.25\n");
    CHECK(is_number(old.running, 4));
    CHECK(is_number(old.waiting, 1));
    CHECK(is_number(old.kv_cache_usage, 0.25));

    struct engine_reading both =
        read_text(ENGINE_VLLM, "vllm:gpu_cache_usage_perc 0.9\nvllm:kv_cache_usage_perc 0.5\n");
    CHECK(is_number(both.kv_cache_usage, 0.5));
    both = read_text(ENGINE_VLLM, "vllm:kv_cache_usage_perc 0.5\nvllm:gpu_cache_usage_perc 0.9\n");
    CHECK(is_number(both.kv_cache_usage, 0.5));
}

static void several_engines_behind_one_vllm_add_up_and_the_fullest_counts(void **state)
{
    struct engine_reading r = read_text(
        ENGINE_VLLM, "vllm:num_requests_running{engine=\"0\",model_name=\"a{b}\"} 4\n"
                     "vllm:num_requests_running{engine=\"1\",model_name=\"a{b}\"} 2 1700000000\n"
                     "vllm:kv_cache_usage_perc{engine=\"0\"} 0.2\n"
                     "vllm:kv_cache_usage_perc{engine=\"1\"} 0.7\n");

    (void)state;
    CHECK(is_number(r.running, 6));
    CHECK(is_number(r.kv_cache_usage, 0.7));
}

static void ranks_of_one_sglang_are_not_added_up(void **state)
{
    struct engine_reading r = read_text(
        ENGINE_SGLANG,
        "sglang:num_running_reqs{model_name=\"m\",tp_rank=\"0\",pp_rank=\"0\",priority=\"\"} 5\n"
        "sglang:num_running_reqs{model_name=\"m\",tp_rank=\"1\",pp_rank=\"0\"} 5\n"
        "sglang:num_running_reqs{model_name=\"m\",tp_rank=\"0\",priority=\"3\"} 2\n"
        "sglang:num_queue_reqs{model_name=\"m\",tp_rank=\"0\"} 7\n"
        "sglang:token_usage{model_name=\"m\"} 0.28\n");

    (void)state;
    CHECK(is_number(r.running, 5));
    CHECK(is_number(r.waiting, 7));
    CHECK(is_number(r.kv_cache_usage, 0.28));
    r = read_text(ENGINE_UNKNOWN, "sglang_num_running_reqs 2\n");
    CHECK_INT(r.kind, ENGINE_SGLANG);
    CHECK(is_number(r.running, 2));
}

static void numbers_are_bounded(void **state)
{
    struct engine_reading r = read_text(ENGINE_VLLM, "vllm:num_requests_running 1e300\n"
                                                     "vllm:num_requests_waiting -5\n"
                                                     "vllm:kv_cache_usage_perc 17\n");

    (void)state;
    CHECK(is_number(r.running, ENGINE_MAX_NUMBER));
    CHECK(is_number(r.waiting, NAN));
    CHECK(is_number(r.kv_cache_usage, 1));
}

static void names_are_bounded(void **state)
{
    struct engine_reading r = engine_read_none();
    char json[4096] = "{\"models\":[", name[256];

    (void)state;
    memset(name, 'x', sizeof(name));
    name[200] = '\0';
    for (int i = 0; i < ENGINE_MAX_NAMES + 3; i++)
        snprintf(json + strlen(json), sizeof(json) - strlen(json), "%s{\"name\":\"%s\"}",
                 i > 0 ? "," : "", name);
    strcat(json, "]}");
    CHECK(engine_read_ps(str_from(json), &r));
    CHECK(is_number(r.loaded, ENGINE_MAX_NAMES + 3));
    CHECK_U64(r.n_names, ENGINE_MAX_NAMES);
    CHECK_U64(strlen(r.name[0]), ENGINE_MAX_NAME - 1);
}

static void another_page_changes_nothing(void **state)
{
    static const char *const pages[] = {"",
                                        "<html>",
                                        "{}",
                                        "[]",
                                        "{\"models\":7}",
                                        "{\"error\":\"not found\"}",
                                        "go_goroutines 7\nprocess_open_fds 9\n",
                                        "vllm:num_requests_running NaN\n",
                                        "vllm:num_requests_running\n",
                                        "vllm 5\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        struct engine_reading r = engine_read_none(), before = r;
        CHECK(!engine_read_ps(str_from(pages[i]), &r));
        CHECK(!engine_read_slots(str_from(pages[i]), &r));
        CHECK(!engine_read_metrics(str_from(pages[i]), &r));
        CHECK(memcmp(&r, &before, sizeof(r)) == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_of_models_says_who_serves_it),
        cmocka_unit_test(vllm_lists_what_is_loaded_and_how_long_its_context_is),
        cmocka_unit_test(what_ollama_lists_need_not_be_loaded),
        cmocka_unit_test(slots_of_llama_server_are_counted_in_both_spellings),
        cmocka_unit_test(llama_server_s_metrics_with_and_without_the_cache),
        cmocka_unit_test(vllm_s_old_and_new_name_of_the_cache),
        cmocka_unit_test(several_engines_behind_one_vllm_add_up_and_the_fullest_counts),
        cmocka_unit_test(ranks_of_one_sglang_are_not_added_up),
        cmocka_unit_test(numbers_are_bounded),
        cmocka_unit_test(names_are_bounded),
        cmocka_unit_test(another_page_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
