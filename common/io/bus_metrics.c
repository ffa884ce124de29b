#include "io/bus_metrics.h"

#include "io/metrics_page.h"

void bus_metrics_count(struct metrics_shard *shard, const char *socket, struct bus_stats now,
                       struct bus_stats *last)
{
    const struct {
        unsigned family;
        const char *what;
        unsigned long long more;
    } rows[] = {
        {COMMON_bus_messages_total, "out", now.sent - last->sent},
        {COMMON_bus_messages_total, "in", now.received - last->received},
        {COMMON_bus_dropped_total, "full", now.dropped_full - last->dropped_full},
        {COMMON_bus_dropped_total, "invalid", now.dropped_invalid - last->dropped_invalid},
        {COMMON_bus_dropped_total, "key", now.refused_key - last->refused_key},
        {COMMON_bus_dropped_total, "handshake", now.refused_handshake - last->refused_handshake},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        metrics_count(shard, rows[i].family, (double)rows[i].more, socket, rows[i].what);
    *last = now;
}
