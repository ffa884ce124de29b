/* gpu_show.h -- how are GPUs shown to Prometheus and to people? What is not told is not shown.
 */
#pragma once

#include "base/json_write.h"
#include "base/metrics.h"
#include "gpu.h"

/* Sets the series of `l`; gpu_show_forget() of the same list takes them away. */
void gpu_show_metrics(struct metrics_shard *s, const struct gpu_list *l);
void gpu_show_forget(struct metrics_shard *s, const struct gpu_list *l);

/* Objects of an array already begun. */
void gpu_show_json(struct json_write *w, const struct gpu_list *l);
