// How a panel and a dashboard look in Grafana's own format. No product's word is in here.
local datasource = { type: 'prometheus', uid: '$datasource' };
local letters = std.stringChars('ABCDEFGH');

local panel(type, size, title, description, unit, targets) = {
  type: type,
  title: title,
  description: description,
  datasource: datasource,
  gridPos:: size,
  targets: std.mapWithIndex(function(i, t) {
    refId: letters[i],
    datasource: datasource,
    expr: t[0],
    legendFormat: t[1],
  }, targets),
  fieldConfig: { defaults: { unit: unit }, overrides: [] },
  options: {},
};
local reduce = { reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false } };
local legend = { legend: { displayMode: 'list', placement: 'bottom', showLegend: true } };

// From left to right and from top to bottom, 24 columns wide.
local place(panels) = std.foldl(
  function(at, p)
    local size = p.gridPos;
    local is_new = size.w == 24 || at.x + size.w > 24;
    local x = if is_new then 0 else at.x;
    local y = if is_new then at.y + at.h else at.y;
    {
      x: x + size.w,
      y: y,
      h: if is_new then size.h else std.max(at.h, size.h),
      list: at.list + [p { id: std.length(at.list) + 1, gridPos::: size { x: x, y: y } }],
    },
  panels,
  { x: 0, y: 0, h: 0, list: [] }
).list;

{
  // [expression, legend] each; a legend may be ''.
  timeseries(title, description, unit, targets)::
    panel('timeseries', { w: 12, h: 8 }, title, description, unit, targets) {
      fieldConfig+: { defaults+: { custom: { fillOpacity: 10, lineWidth: 1, showPoints: 'never' }, min: 0 } },
      options: legend { tooltip: { mode: 'multi', sort: 'desc' } },
    },
  stacked(title, description, unit, targets)::
    self.timeseries(title, description, unit, targets) {
      fieldConfig+: { defaults+: { custom+: { fillOpacity: 40, stacking: { group: 'A', mode: 'normal' } } } },
    },
  stat(title, description, unit, expr)::
    panel('stat', { w: 6, h: 4 }, title, description, unit, [[expr, '']]) {
      options: reduce { colorMode: 'value', graphMode: 'area', textMode: 'auto' },
    },
  stats(title, description, unit, expr, label)::
    self.stat(title, description, unit, expr) {
      targets: [super.targets[0] { legendFormat: label }],
    },
  gauge(title, description, expr, label)::
    panel('gauge', { w: 6, h: 8 }, title, description, 'percentunit', [[expr, label]]) {
      fieldConfig+: { defaults+: {
        min: 0,
        max: 1,
        thresholds: { mode: 'percentage', steps: [
          { color: 'green', value: null },
          { color: 'orange', value: 80 },
          { color: 'red', value: 90 },
        ] },
      } },
      options: reduce { showThresholdLabels: false, showThresholdMarkers: true },
    },
  pie(title, description, unit, expr, label)::
    panel('piechart', { w: 6, h: 8 }, title, description, unit, [[expr, label]]) {
      options: legend + reduce { pieType: 'donut', displayLabels: ['percent'] },
    },
  heatmap(title, description, unit, expr)::
    panel('heatmap', { w: 12, h: 8 }, title, description, unit, [[expr, '{{le}}']]) {
      targets: [super.targets[0] { format: 'heatmap' }],
      options: { calculate: false, yAxis: { unit: unit }, cellGap: 1 },
    },
  table(title, description, unit, expr)::
    panel('table', { w: 12, h: 8 }, title, description, unit, [[expr, '']]) {
      targets: [super.targets[0] { format: 'table', instant: true }],
      options: { showHeader: true },
    },
  states(title, description, expr, label, words)::
    panel('state-timeline', { w: 12, h: 8 }, title, description, 'none', [[expr, label]]) {
      fieldConfig+: { defaults+: {
        mappings: [{ type: 'value', options: {
          [std.toString(w.value)]: { index: w.value, text: w.text, color: w.color }
          for w in words
        } }],
      } },
      options: legend { mergeValues: true, showValue: 'auto' },
    },

  // name: asked of Prometheus as label_values(query, label)
  variable(name, label, query):: {
    type: 'query',
    name: name,
    label: name,
    datasource: datasource,
    query: { query: 'label_values(%s, %s)' % [query, label], refId: name },
    includeAll: true,
    multi: true,
    allValue: '.*',
    current: { selected: true, text: ['All'], value: ['$__all'] },
    refresh: 2,
    sort: 1,
  },

  dashboard(uid, title, description, tags, variables, panels):: {
    uid: uid,
    title: title,
    description: description,
    tags: tags,
    editable: false,
    graphTooltip: 1,
    refresh: '30s',
    schemaVersion: 39,
    time: { from: 'now-24h', to: 'now' },
    timezone: 'browser',
    annotations: { list: [] },
    links: [{
      type: 'dashboards',
      title: tags[0],
      tags: [tags[0]],
      asDropdown: true,
      icon: 'external link',
      includeVars: true,
      keepTime: true,
      targetBlank: false,
      tooltip: 'The other dashboards of the suite',
      url: '',
    }],
    templating: { list: [{
      type: 'datasource',
      name: 'datasource',
      label: 'datasource',
      query: 'prometheus',
      current: { text: 'Prometheus', value: 'prometheus' },
      refresh: 1,
    }] + variables },
    panels: place(panels),
  },
}
