#include "gpu_show.h"

#include "health_metrics.h"

#include <math.h>

/* METRIC 0 is a common one: none of the GPUs'. */
static const struct {
    enum gpu_reading reading;
    unsigned metric;
    const char *key;
} shown[] = {
    {GPU_UTILIZATION, METRIC_gpu_utilization_percent, "utilization_percent"},
    {GPU_MEMORY_USED, METRIC_gpu_memory_used_bytes, "memory_used_bytes"},
    {GPU_MEMORY_TOTAL, METRIC_gpu_memory_total_bytes, "memory_total_bytes"},
    {GPU_TEMPERATURE, METRIC_gpu_temperature_celsius, "temperature_celsius"},
    {GPU_POWER, METRIC_gpu_power_watts, "power_watts"},
    {GPU_ENERGY, METRIC_gpu_energy_joules_total, "energy_joules"},
    {GPU_PROCESSES, 0, "processes"},
};
#define SHOWN (sizeof(shown) / sizeof(shown[0]))

static struct metrics_series *series(struct metrics_shard *s, unsigned metric, const struct gpu *g)
{
    const char *labels[] = {g->id, g->uuid, gpu_vendor_text(g->vendor)};

    return metrics_find(s, metric, labels);
}

void gpu_show_metrics(struct metrics_shard *s, const struct gpu_list *l)
{
    for (const struct gpu *g = l->gpu; g < l->gpu + l->n; g++) {
        metrics_set(series(s, METRIC_gpu_info, g), 1);
        for (size_t i = 0; i < SHOWN; i++)
            if (shown[i].metric && !isnan(g->reading[shown[i].reading]))
                metrics_set(series(s, shown[i].metric, g), g->reading[shown[i].reading]);
    }
}

void gpu_show_forget(struct metrics_shard *s, const struct gpu_list *l)
{
    for (const struct gpu *g = l->gpu; g < l->gpu + l->n; g++) {
        metrics_remove(series(s, METRIC_gpu_info, g));
        for (size_t i = 0; i < SHOWN; i++)
            if (shown[i].metric && !isnan(g->reading[shown[i].reading]))
                metrics_remove(series(s, shown[i].metric, g));
    }
}

static void write_throttled(struct json_write *w, unsigned throttled)
{
    json_write_key(w, "throttled");
    json_write_begin(w, '[');
    if (throttled & GPU_THROTTLED_POWER)
        json_write_text(w, "power");
    if (throttled & GPU_THROTTLED_HEAT)
        json_write_text(w, "heat");
    if (throttled & GPU_THROTTLED_HARDWARE)
        json_write_text(w, "hardware");
    json_write_end(w, ']');
}

void gpu_show_json(struct json_write *w, const struct gpu_list *l)
{
    for (const struct gpu *g = l->gpu; g < l->gpu + l->n; g++) {
        json_write_begin(w, '{');
        json_write_member(w, "gpu_id", g->id);
        json_write_member(w, "uuid", g->uuid);
        json_write_member(w, "vendor", gpu_vendor_text(g->vendor));
        json_write_member(w, "name", g->name);
        json_write_member_bool(w, "mig", g->is_cut);
        for (size_t i = 0; i < SHOWN; i++) {
            json_write_key(w, shown[i].key);
            json_write_double(w, g->reading[shown[i].reading]);
        }
        write_throttled(w, g->throttled);
        json_write_end(w, '}');
    }
}
