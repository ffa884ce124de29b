// Every dashboard of the suite. `jsonnet -m monitoring/grafana/dashboards monitoring/grafana/dashboards.jsonnet`
local g = import 'grafana.libsonnet';
local q = import 'queries.libsonnet';

local instance = g.variable('instance', 'instance', 'up{job=~"llm-proxy|context-service|health-worker"}');
local model = g.variable('model', 'model', 'llm_requests_total');
local provider = g.variable('provider', 'provider', 'llm_attempts_total');

local ok = ['status="success"'];
local requests = q.rate('llm_requests_total', '', q.models);
local errors = q.rate('llm_requests_total', '', q.models + ['status=~"error|truncated"']);
local states = [
  { value: 0, text: 'unknown', color: 'gray' },
  { value: 1, text: 'down', color: 'red' },
  { value: 2, text: 'degraded', color: 'orange' },
  { value: 3, text: 'healthy', color: 'green' },
];
local breaker = [
  { value: 0, text: 'closed', color: 'green' },
  { value: 1, text: 'half-open', color: 'orange' },
  { value: 2, text: 'open', color: 'red' },
];

// Panels that more than one dashboard shows.
local p = {
  up: g.stats('Service Health Status', 'Which daemons answer their scrape: 1 is up.', 'none',
              'up{job=~"llm-proxy|context-service|health-worker"}', '{{job}} {{instance}}'),
  total: g.stat('Total Requests (24h)', 'Requests that ended in the last 24 hours, however they ended.', 'short',
                q.increase('llm_requests_total', '24h')),
  costs: g.stat('Total API Costs (30d)', 'What the requests of the last 30 days cost, by the prices in force when they ended.', 'currencyUSD',
                q.increase('llm_cost_total', '30d')),
  latency: g.stat('Average Latency', 'Mean time from accepting a request to its last byte.', 's',
                  q.mean('llm_request_duration_seconds')),
  backends: g.pie('Local vs Cloud Requests', 'Where the requests of the shown time were answered.', 'short',
                  q.increase('llm_requests_total', '$__range', 'backend', ['backend=~"local|cloud"']), '{{backend}}'),
  by_model: g.pie('Request Distribution by Model', 'Which models the requests of the shown time asked for.', 'short',
                  q.increase('llm_requests_total', '$__range', 'model'), '{{model}}'),
  rate_by_model: g.stacked('Requests by Model Over Time', 'Requests a second that ended, by the model asked for.', 'reqps',
                           [[q.rate('llm_requests_total', 'model', q.models), '{{model}}']]),
  accumulation: g.timeseries('Cost Accumulation', 'What was spent since each process started, by model.', 'currencyUSD',
                             [[q.sum('llm_cost_total', 'model'), '{{model}}']]),
  costs_over_time: g.timeseries('API Costs Over Time', 'What was spent in each hour.', 'currencyUSD',
                                [[q.increase('llm_cost_total', '1h'), 'Total Cost']]),
  latency_by_model: g.timeseries('Response Latency by Model', 'Median, 95th and 99th percentile of the whole answer.', 's', [
    [q.quantile(n[0], 'llm_request_duration_seconds', 'model', q.models), '{{model}} ' + n[1]]
    for n in [['0.5', 'p50'], ['0.95', 'p95'], ['0.99', 'p99']]
  ]) { gridPos:: { w: 24, h: 8 } },
  distribution: g.heatmap('Response Latency Distribution', 'How many answers took how long.', 's',
                          q.buckets('llm_request_duration_seconds', q.models)),
  condensing: g.timeseries('Context Condensation Cache', 'Entries of the caches of context-service, and how many questions they answer.', 'short', [
    [q.sum('context_cache_size', 'cache'), '{{cache}} entries'],
    ['100 * ' + q.ratio(q.rate('context_cache_hits_total', 'cache'),
                        q.rate('context_cache_hits_total', 'cache') + ' + ' + q.rate('context_cache_misses_total', 'cache')), '{{cache}} hits %'],
  ]),
  memory: g.timeseries('Memory Usage', 'Resident memory of each process.', 'bytes',
                       [[q.sum('process_resident_memory_bytes', 'job'), '{{job}}']]),
  cpu: g.timeseries('CPU Usage', 'Time on a processor: 100 % is one core.', 'percentunit',
                    [[q.rate('process_cpu_seconds_total', 'job'), '{{job}}']]),
  tokens: g.timeseries('Token Usage', 'Tokens a second, as providers bill them.', 'short',
                       [[q.rate('llm_tokens_total', 'type'), '{{type}}']]),
  savings: g.stat('Cost Savings', 'What answers from the cache would have cost, in the last 24 hours.', 'currencyUSD',
                  q.increase('cache_cost_savings_total', '24h')),
  hit_rate: g.timeseries('Cache Hit Rate', 'Of the requests that may be answered from the cache, how many were, by layer.', 'percentunit', [[
    q.ratio(q.rate('tiered_cache_hits_total', 'layer'),
            q.rate('tiered_cache_hits_total', 'layer') + ' + ' + q.rate('tiered_cache_misses_total', 'layer')), '{{layer}}',
  ]]),
  gpu: g.timeseries('GPU Utilization', 'How busy each GPU is.', 'percent', [[q.max('gpu_utilization_percent', 'gpu_id'), 'GPU {{gpu_id}}']]),
  queue: g.timeseries('Worker Pool Queue Depth', 'Requests that wait for a place at a provider, and those under way there.', 'short', [
    [q.sum('worker_pool_queue_depth', 'pool'), '{{pool}} waiting'],
    [q.sum('worker_pool_active_workers', 'pool'), '{{pool}} under way'],
  ]),
  error_ratio: g.timeseries('Error Ratio', 'Of the requests that ended, how many with an error of ours or of a provider.', 'percentunit',
                            [[q.ratio(errors, requests), 'errors']]),
};

local dashboards = {
  overview: g.dashboard('llm-overview', 'LLM gateway: overview', 'Is it well, what does it do, what does it cost?', ['llm-gateway', 'overview'], [instance, model], [
    p.up,
    p.total,
    p.costs,
    p.latency,
    g.timeseries('Requests per Second', 'HTTP requests a second at the API, by route.', 'reqps',
                 [[q.rate('http_requests_total', 'path', ['job="llm-proxy"']), '{{path}}']]),
    p.error_ratio,
    p.rate_by_model,
    p.queue,
    g.states('Providers', 'What health-worker makes of each provider.', q.max('provider_state', 'provider'), '{{provider}}', states),
    p.costs_over_time,
    p.backends,
    p.by_model,
    p.hit_rate,
  ]),

  traffic: g.dashboard('llm-traffic', 'LLM gateway: traffic and latency', 'How many requests, how fast, how well?', ['llm-gateway', 'traffic'], [instance, model, provider], [
    g.timeseries('HTTP Request Rate', 'Requests a second: all, those that succeeded, those that failed.', 'reqps', [
      [requests, 'all'],
      [q.rate('llm_requests_total', '', q.models + ok), 'successful'],
      [errors, 'failed'],
    ]),
    g.timeseries('API Request Rate', 'HTTP requests a second, by route and status.', 'reqps',
                 [[q.rate('http_requests_total', 'path, status', ['job="llm-proxy"']), '{{path}} {{status}}']]),
    g.timeseries('API Latency', 'Percentiles of the time from accepting a request to its last byte.', 's',
                 q.quantiles('http_request_duration_seconds', ['job="llm-proxy"'])),
    g.timeseries('Response Time', 'Mean time of the whole answer, by model.', 's',
                 [[q.mean('llm_request_duration_seconds', 'model', q.models), '{{model}}']]),
    p.latency_by_model,
    p.distribution,
    g.timeseries('Time to First Token', 'From accepting a request to the first piece of its answer.', 's',
                 q.quantiles('llm_time_to_first_token_seconds', q.models)),
    g.timeseries('Time per Output Token', 'Between the pieces of a streamed answer.', 's',
                 q.quantiles('llm_time_per_output_token_seconds', q.models)),
    g.timeseries('Time inside the Proxy', 'Of a request, without what its provider took.', 's', q.quantiles('llm_overhead_seconds')),
    p.rate_by_model,
    p.error_ratio,
    g.stacked('Outcomes', 'Requests a second by how they ended.', 'reqps',
              [[q.rate('llm_requests_total', 'status', q.models), '{{status}}']]),
    g.stacked('Streams', 'Streams a second by how they ended.', 'reqps',
              [[q.rate('llm_streaming_requests_total', 'status', q.models), '{{status}}']]),
    p.tokens,
    g.timeseries('Tokens Generated', 'Output tokens a second, by model.', 'short',
                 [[q.rate('llm_tokens_total', 'model', q.models + ['type="output"']), '{{model}}']]),
    g.timeseries('Requests under Way', 'Requests and connections at the API now.', 'short', [
      [q.sum('http_requests_in_flight', '', ['job="llm-proxy"']), 'requests'],
      [q.sum('http_connections', '', ['job="llm-proxy"']), 'connections'],
    ]),
  ]),

  cost: g.dashboard('llm-cost', 'LLM gateway: cost and savings', 'Who spends what, and what is saved?', ['llm-gateway', 'cost'], [instance, model, provider], [
    p.costs,
    g.stat('Costs (24h)', 'What the requests of the last 24 hours cost.', 'currencyUSD', q.increase('llm_cost_total', '24h')),
    p.savings,
    g.stat('Cost per Request', 'Mean of the last 24 hours, free ones included.', 'currencyUSD',
           q.ratio(q.increase('llm_cost_total', '24h'), q.increase('llm_requests_total', '24h'))),
    p.costs_over_time,
    p.accumulation,
    g.stacked('LLM Cost per Hour', 'What would be spent in an hour at the present rate, by provider and model.', 'currencyUSD',
              [['3600 * ' + q.rate('llm_cost_total', 'provider, model', q.providers), '{{provider}} {{model}}']]),
    g.timeseries('Requests without a Price', 'They cost something that nobody knows: give their model a price.', 'reqps',
                 [[q.rate('llm_unpriced_requests_total', 'model'), '{{model}}']]),
    g.table('Cost by Key (24h)', 'Key ids, not keys.', 'currencyUSD', q.increase('api_key_cost_total', '24h', 'key_id')),
    p.tokens,
  ]),

  cache: g.dashboard('llm-cache', 'LLM gateway: response cache', 'What is answered again, and what that saves.', ['llm-gateway', 'cache'], [instance], [
    p.savings,
    g.stat('Hits (24h)', 'Requests answered from the cache in the last 24 hours.', 'short', q.increase('cache_hits_total', '24h')),
    p.hit_rate,
    g.timeseries('Cache Operations', 'Look-ups a second that found an answer, and that did not.', 'ops', [
      [q.rate('cache_hits_total'), 'hits'],
      [q.rate('cache_misses_total'), 'misses'],
    ]),
    g.timeseries('Cache Entries', 'Answers kept, by layer.', 'short', [[q.sum('tiered_cache_entries', 'layer'), '{{layer}}']]),
    g.timeseries('Cache Size', 'Bytes they take.', 'bytes', [[q.sum('tiered_cache_size_bytes', 'layer'), '{{layer}}']]),
    g.timeseries('Evictions', 'Answers a second that made room for others.', 'ops', [[q.rate('tiered_cache_evictions_total', 'layer'), '{{layer}}']]),
  ]),

  routing: g.dashboard('llm-routing', 'LLM gateway: routing', 'Which model answers whom: local or cloud, easy or hard.', ['llm-gateway', 'routing'], [instance, model, provider], [
    p.backends,
    g.pie('Model Router Decisions', 'Which targets the router chose in the shown time.', 'short',
          q.increase('model_router_selections_total', '$__range', 'model, provider'), '{{model}} at {{provider}}'),
    g.pie('Complexity', 'How hard the scored prompts of the shown time were.', 'short',
          q.increase('llm_requests_total', '$__range', 'complexity', ['complexity!="none"']), '{{complexity}}'),
    p.by_model,
    g.stacked('Local and Cloud over Time', 'Requests a second by where they were answered.', 'reqps',
              [[q.rate('llm_requests_total', 'backend', ['backend=~"local|cloud"']), '{{backend}}']]),
    g.timeseries('Routing Latency', 'Time to choose a target.', 's', q.quantiles('routing_latency_seconds')),
    g.timeseries('Retries', 'Further tries a second, by provider and what went wrong before.', 'reqps',
                 [[q.rate('llm_retries_total', 'provider, reason', q.providers), '{{provider}} {{reason}}']]),
    g.timeseries('Fallbacks', 'Requests a second that went on to another provider.', 'reqps',
                 [[q.rate('llm_fallbacks_total', 'from, to'), '{{from}} to {{to}}']]),
    p.rate_by_model,
  ]),

  keys: g.dashboard('llm-keys', 'LLM gateway: keys and limits', 'Who asks, who is refused, whose budget ends?', ['llm-gateway', 'keys'], [instance], [
    g.stacked('Requests by Key', 'Requests a second by key id.', 'reqps', [[q.rate('api_key_requests_total', 'key_id'), '{{key_id}}']]),
    g.timeseries('Refusals', 'Requests a second that a limit or budget stopped.', 'reqps',
                 [[q.rate('api_key_rate_limit_hits_total', 'key_id, limit'), '{{key_id}} {{limit}}']]),
    g.timeseries('Cost by Key', 'What would be spent in an hour at the present rate.', 'currencyUSD',
                 [['3600 * ' + q.rate('api_key_cost_total', 'key_id'), '{{key_id}}']]),
    g.timeseries('Budget Remaining', 'The least of what total, daily and monthly budget leave.', 'currencyUSD',
                 [['min by (key_id) (api_key_budget_remaining_usd{instance=~"$instance"})', '{{key_id}}']]),
    g.timeseries('Ledger Commits', 'How long the books take to be on the disk.', 's', q.quantiles('ledger_commit_seconds')),
    g.timeseries('Waiting for the Books', 'Records spooled and not yet committed.', 'short', [[q.sum('ledger_spool_records'), 'records']]),
    g.timeseries('Rows and Audit Records', 'What is written a second.', 'ops', [
      [q.rate('ledger_rows_total'), 'ledger rows'],
      [q.rate('audit_records_total', 'event'), 'audit {{event}}'],
    ]),
    g.stat('Unsettled (24h)', 'Requests that a crash left without an end: their cost is not known.', 'short', q.increase('ledger_unsettled_total', '24h')),
  ]),

  providers: g.dashboard('llm-providers', 'LLM gateway: providers and pools', 'Which providers are well, and where is the line?', ['llm-gateway', 'providers'], [instance, provider], [
    g.states('Provider State', 'Probes and real traffic, merged by health-worker.', q.max('provider_state', 'provider', q.providers), '{{provider}}', states),
    g.states('Circuit Breakers', 'The worst breaker of each provider.', q.max('circuit_breaker_state', 'provider', q.providers), '{{provider}}', breaker),
    p.queue { title: 'Worker Pool' },
    g.timeseries('Queue Wait', 'How long requests waited for a place.', 's',
                 [[q.quantile('0.95', 'worker_pool_queue_wait_seconds', 'pool'), '{{pool}} p95']]),
    g.timeseries('Task Duration', 'How long a try takes at each provider.', 's',
                 [[q.quantile('0.95', 'worker_pool_task_duration_seconds', 'pool'), '{{pool}} p95']]),
    g.stacked('Attempts', 'Tries a second by how they ended.', 'reqps',
              [[q.rate('llm_attempts_total', 'provider, outcome', q.providers), '{{provider}} {{outcome}}']]),
    g.timeseries('Upstream Latency', 'Until the last byte of a try.', 's',
                 [[q.quantile('0.95', 'llm_upstream_duration_seconds', 'provider', q.providers), '{{provider}} p95']]),
    g.timeseries('Probes', 'Checks a second by result.', 'ops',
                 [[q.rate('health_checks_total', 'provider, result', q.providers), '{{provider}} {{result}}']]),
    g.timeseries('Probe Duration', 'How long a check takes.', 's', [[q.quantile('0.95', 'health_check_duration_seconds', 'provider', q.providers), '{{provider}} p95']]),
    g.timeseries('Since the Last Success', 'Of a probe.', 's',
                 [['time() - ' + q.max('provider_last_success_timestamp_seconds', 'provider', q.providers + []), '{{provider}}']]),
    g.timeseries('Running and Waiting at the Engine', 'What inference servers say of themselves.', 'short', [
      [q.sum('provider_requests_running', 'provider', q.providers), '{{provider}} running'],
      [q.sum('provider_requests_waiting', 'provider', q.providers), '{{provider}} waiting'],
    ]),
    g.timeseries('KV Cache', 'How full the cache of each inference server is.', 'percentunit',
                 [[q.max('provider_kv_cache_usage_ratio', 'provider', q.providers), '{{provider}}']]),
    g.timeseries('Models Loaded', 'In memory at each provider.', 'short', [[q.sum('models_loaded', 'provider', q.providers), '{{provider}}']]),
  ]),

  context: g.dashboard('llm-context', 'LLM gateway: context', 'What is counted, what is condensed, what that saves.', ['llm-gateway', 'context'], [instance], [
    g.stat('Tokens Saved (24h)', 'Left out of conversations that were too long.', 'short', q.increase('context_tokens_saved_total', '24h')),
    g.stat('Sessions', 'Conversations whose condensed form is remembered.', 'short', q.sum('context_sessions')),
    g.stat('Stable Prefix', 'How much of a condensed conversation its provider has cached.', 'percentunit',
           'avg (context_prefix_stable_ratio{instance=~"$instance"})'),
    g.stat('Epochs (24h)', 'How often a conversation was condensed anew.', 'short', q.increase('context_epochs_total', '24h')),
    g.stacked('Condensations', 'A second, by stage and outcome.', 'ops',
              [[q.rate('context_condensations_total', 'mode, stage, outcome'), '{{mode}} {{stage}} {{outcome}}']]),
    g.timeseries('Processing Time', '95th percentile by operation.', 's',
                 [[q.quantile('0.95', 'context_processing_time_seconds', 'op'), '{{op}}']]),
    p.condensing,
    g.timeseries('Tokens Counted', 'A second, by model.', 'short', [[q.rate('context_tokens_counted_total', 'model'), '{{model}}']]),
    g.timeseries('Error of the Estimates', 'Of models whose tokenizer is not public, against what they billed.', 'percentunit',
                 [[q.max('context_count_error_ratio', 'model'), '{{model}}']]),
    g.timeseries('Queue', 'Questions that wait for a thread.', 'short', [[q.sum('context_queue_requests'), 'waiting']]),
  ]),

  workers: g.dashboard('llm-workers', 'LLM gateway: workers and nodes', 'Local inference servers, the machines they run on, their models.', ['llm-gateway', 'workers'], [instance], [
    g.stacked('Worker Count by State', 'Local inference servers by what they do.', 'short', [[q.sum('workers', 'state'), '{{state}}']]),
    g.timeseries('Shutdown Duration', '95th percentile of the time a worker takes to end.', 's',
                 [[q.quantile('0.95', 'worker_shutdown_duration_seconds'), 'p95']]),
    g.timeseries('Force-Killed Workers', 'A second, beside those that ended when asked.', 'ops', [
      [q.rate('workers_force_killed_total'), 'killed'],
      [q.rate('workers_graceful_shutdown_total'), 'graceful'],
    ]),
    g.timeseries('Restarts', 'A second, and how often a worker was given up.', 'ops', [
      [q.rate('worker_restarts_total', 'worker'), '{{worker}}'],
      [q.rate('worker_circuit_breaker_activations_total', 'worker'), '{{worker}} given up'],
    ]),
    g.timeseries('Not Started', 'Workers a second for which the machine had no room.', 'ops',
                 [[q.rate('worker_spawn_resource_failures_total', 'reason'), '{{reason}}']]),
    g.timeseries('Model Load Time', 'Until a worker was ready.', 's', [[q.quantile('0.95', 'model_load_time_seconds', 'model'), '{{model}}']]),
    g.stacked('Nodes', 'Machines by what is heard of them.', 'short', [[q.max('cluster_nodes', 'status'), '{{status}}']]),
    g.stacked('Active Requests by Node', 'Under way at the workers of each machine.', 'short', [[q.max('cluster_active_requests', 'node_id'), '{{node_id}}']]),
    g.gauge('Memory Usage', 'Of each machine.', '1 - ' + q.sum('host_memory_available_bytes', 'instance') + ' / ' + q.sum('host_memory_total_bytes', 'instance'), '{{instance}}'),
    g.gauge('Disk Usage', 'Of each file system the suite writes to.', '1 - ' + q.sum('host_disk_available_bytes', 'instance, path') + ' / ' + q.sum('host_disk_total_bytes', 'instance, path'), '{{instance}} {{path}}'),
    g.timeseries('Downloads', 'Bytes a second of models that are fetched.', 'Bps', [[q.rate('download_bytes_total'), 'bytes']]),
  ]),

  gpus: g.dashboard('llm-gpus', 'LLM gateway: GPUs', 'How busy, how full, how hot.', ['llm-gateway', 'gpus'], [instance], [
    p.gpu,
    g.timeseries('GPU Memory', 'Used on each GPU.', 'bytes', [
      [q.max('gpu_memory_used_bytes', 'gpu_id'), 'GPU {{gpu_id}} used'],
      [q.max('gpu_memory_total_bytes', 'gpu_id'), 'GPU {{gpu_id}} total'],
    ]),
    g.timeseries('Multi-GPU Load Balancing', 'The busiest GPU less the idlest: 0 is even.', 'percent', [[
      'max by (instance) (gpu_utilization_percent{instance=~"$instance"}) - min by (instance) (gpu_utilization_percent{instance=~"$instance"})', '{{instance}}',
    ]]),
    g.timeseries('Temperature', 'Of each GPU.', 'celsius', [[q.max('gpu_temperature_celsius', 'gpu_id'), 'GPU {{gpu_id}}']]),
    g.timeseries('Power', 'Drawn by each GPU.', 'watt', [[q.max('gpu_power_watts', 'gpu_id'), 'GPU {{gpu_id}}']]),
    g.timeseries('Energy', 'Joules a second, from the driver\'s own counter.', 'watt', [[q.rate('gpu_energy_joules_total', 'gpu_id'), 'GPU {{gpu_id}}']]),
  ]),

  processes: g.dashboard('llm-processes', 'LLM gateway: processes', 'The daemons themselves.', ['llm-gateway', 'processes'], [instance], [
    p.up,
    p.memory,
    p.cpu,
    g.timeseries('System Resource Usage', 'Processor, memory and the lag of the event loops in one picture.', 'short', [
      ['100 * ' + q.rate('process_cpu_seconds_total', 'job'), '{{job}} CPU %'],
      [q.sum('process_resident_memory_bytes', 'job') + ' / 1048576', '{{job}} MiB'],
      ['1000 * ' + q.quantile('0.99', 'eventloop_lag_seconds', 'job'), '{{job}} lag ms'],
    ]),
    g.timeseries('Event Loop Lag', '99th percentile of the time between two looks at the sockets.', 's',
                 [[q.quantile('0.99', 'eventloop_lag_seconds', 'job'), '{{job}}']]),
    g.timeseries('Open Files', 'Descriptors in use, of those allowed.', 'percentunit',
                 [[q.sum('process_open_fds', 'job') + ' / ' + q.sum('process_max_fds', 'job'), '{{job}}']]),
    g.timeseries('Log Entries', 'A second, by level.', 'ops', [[q.rate('log_messages_total', 'level'), '{{level}}']]),
    g.timeseries('Bus', 'Messages a second, and those that were dropped.', 'ops', [
      [q.rate('bus_messages_total', 'socket, direction'), '{{socket}} {{direction}}'],
      [q.rate('bus_dropped_total', 'socket, reason'), '{{socket}} dropped: {{reason}}'],
    ]),
    g.timeseries('Uptime', 'Since each process started.', 's', [['time() - ' + q.max('process_start_time_seconds', 'job'), '{{job}}']]),
    g.stats('Configuration in Force', '1 while the last reload was accepted.', 'none', 'min by (job) (config_last_reload_successful{instance=~"$instance"})', '{{job}}'),
  ]),

  // What the guide of that name lists, under the name of its file.
  'hybrid-ai-stack-dashboard': g.dashboard('hybrid-ai-stack', 'Hybrid AI Stack - Main Dashboard', 'Requests, costs and latency of local and cloud models.', ['llm-gateway', 'hybrid'], [instance, model], [
    p.total,
    p.costs,
    p.latency,
    p.savings,
    p.backends,
    p.by_model,
    p.costs_over_time,
    p.rate_by_model,
    p.accumulation,
    p.latency_by_model,
    p.distribution,
  ]),
};

{ [name + '.json']: dashboards[name] for name in std.objectFields(dashboards) }
