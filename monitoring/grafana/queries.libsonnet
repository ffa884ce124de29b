// The forms that most expressions have. `where` is a list of matchers beyond the instance.
local match(where) = '{%s}' % std.join(', ', ['instance=~"$instance"'] + where);
local by(labels) = if labels == '' then '' else ' by (%s)' % labels;

{
  models:: ['model=~"$model"'],
  providers:: ['provider=~"$provider"'],

  sum(metric, labels='', where=[]):: 'sum%s (%s%s)' % [by(labels), metric, match(where)],
  max(metric, labels='', where=[]):: 'max%s (%s%s)' % [by(labels), metric, match(where)],
  rate(metric, labels='', where=[])::
    'sum%s (rate(%s%s[$__rate_interval]))' % [by(labels), metric, match(where)],
  increase(metric, range, labels='', where=[])::
    'sum%s (increase(%s%s[%s]))' % [by(labels), metric, match(where), range],
  mean(metric, labels='', where=[])::
    '%s / %s' % [self.rate(metric + '_sum', labels, where), self.rate(metric + '_count', labels, where)],
  quantile(q, metric, labels='', where=[])::
    'histogram_quantile(%s, %s)' % [q, self.rate(metric + '_bucket', (if labels == '' then '' else labels + ', ') + 'le', where)],
  // p50, p95 and p99, or one of them for each label
  quantiles(metric, where=[]):: [
    [self.quantile(q[0], metric, '', where), q[1]]
    for q in [['0.5', 'p50'], ['0.95', 'p95'], ['0.99', 'p99']]
  ],
  buckets(metric, where=[]):: self.rate(metric + '_bucket', 'le', where),
  ratio(part, whole):: '%s / (%s > 0)' % [part, whole],
}
