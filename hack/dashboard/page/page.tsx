// Draws a dashboard of Grafana with Grafana's own components, from what Prometheus answered, and writes what it drew into
// the element with the id "report". It is a picture: nothing can be clicked, and nothing is asked.
//
// What it can't draw is a problem of the panel, never left out.
import React from 'react';
import { createRoot } from 'react-dom/client';
import {
  createTheme, applyFieldOverrides, createDataFrame, dateTime, fieldMatchers, fieldReducers, FieldConfigOptionsRegistry,
  FieldType, formatLabels, getDisplayValueAlignmentFactors, getFieldDisplayName, getFieldDisplayValues, getValueFormats,
  identityOverrideProcessor, renderLegendFormat, setTimeZoneResolver, thresholdsOverrideProcessor, ThemeContext,
  type DataFrame, type FieldDisplay, type TimeRange,
} from '@grafana/data';
import { BigValue, GlobalStyles, PanelChrome, TimeSeries, VizRepeater } from '@grafana/ui';
import '@fontsource/inter/400.css';
import '@fontsource/inter/500.css';
import '@fontsource/inter/600.css';
import 'uplot/dist/uPlot.min.css';

// What the command hands over as the script before this one.
type Series = { Metric: Record<string, string>; Values: Array<[number, string]> | null };
declare const handed: {
  dashboard: any;
  answers: Record<string, Series[] | null>; // by the panel's title and the target's letter
  variables: Record<string, string>;
  from: number; // seconds since 1970
  to: number;
  step: number; // seconds
};

// known are the options that are drawn here as Grafana draws them, or that no picture shows (tooltips).
const known: Record<string, string[]> = {
  dashboard: ['uid', 'title', 'description', 'tags', 'schemaVersion', 'version', 'editable', 'timezone', 'refresh', 'time.*', 'graphTooltip', 'templating.list.*'],
  panel: ['id', 'type', 'title', 'description', 'datasource.type', 'datasource.uid', 'gridPos.x', 'gridPos.y', 'gridPos.w', 'gridPos.h',
    'targets.expr', 'targets.legendFormat', 'targets.refId', 'targets.instant', 'targets.range', 'targets.datasource.type', 'targets.datasource.uid',
    ...['unit', 'decimals', 'min', 'max', 'noValue', 'color.mode', 'color.fixedColor', 'thresholds.mode', 'thresholds.steps.color',
      'thresholds.steps.value'].map((each) => 'fieldConfig.defaults.' + each),
    'fieldConfig.defaults.mappings.*', 'fieldConfig.overrides.matcher.*', 'fieldConfig.overrides.properties.id', 'fieldConfig.overrides.properties.value.*'],
  stat: ['reduceOptions.calcs', 'reduceOptions.values', 'reduceOptions.fields', 'reduceOptions.limit', 'colorMode', 'graphMode', 'justifyMode', 'textMode',
    'orientation', 'wideLayout', 'showPercentChange', 'percentChangeColorMode'].map((each) => 'options.' + each),
  timeseries: [...['legend.displayMode', 'legend.placement', 'legend.showLegend', 'legend.calcs', 'legend.width', 'tooltip.mode', 'tooltip.sort'].map((each) => 'options.' + each),
    ...['drawStyle', 'fillOpacity', 'stacking.mode', 'stacking.group', 'lineWidth', 'lineInterpolation', 'showPoints', 'pointSize', 'spanNulls',
      'gradientMode', 'thresholdsStyle.mode', 'axisLabel', 'axisPlacement', 'axisSoftMin', 'axisSoftMax', 'scaleDistribution.type',
      'scaleDistribution.log'].map((each) => 'fieldConfig.defaults.custom.' + each)],
  row: ['id', 'type', 'title', 'collapsed', 'gridPos.x', 'gridPos.y', 'gridPos.w', 'gridPos.h'],
};

// paths gives the ways to all values below one that are not empty.
function paths(value: any, way: string): string[] {
  if (value === null || typeof value !== 'object') {
    return [way];
  }
  const below = Array.isArray(value) ? value.flatMap((each) => paths(each, way)) : Object.keys(value).flatMap((key) => paths(value[key], way ? way + '.' + key : key));
  return [...new Set(below)];
}

function unknown(value: any, can: string[]): string[] {
  return paths(value, '').filter((way) => !can.some((each) => (each.endsWith('*') ? way.startsWith(each.slice(0, -1)) : way === each)));
}

function notDrawn(panel: any): string[] {
  if (!known[panel.type]) {
    return [`can't draw a panel of type ${panel.type}`];
  }
  const wrong = unknown(panel, panel.type === 'row' ? known.row : [...known.panel, ...known[panel.type]]);
  const defaults = panel.fieldConfig?.defaults ?? {};
  const units = getValueFormats().flatMap((group: any) => group.submenu.map((each: any) => each.value));
  if (defaults.unit && !units.includes(defaults.unit)) {
    wrong.push(`the unit ${defaults.unit}`);
  }
  const calcs = [...(panel.options?.reduceOptions?.calcs ?? []), ...(panel.options?.legend?.calcs ?? [])];
  wrong.push(...calcs.filter((each: string) => !fieldReducers.getIfExists(each)).map((each: string) => `the calculation ${each}`));
  if (panel.options?.wideLayout === false || (panel.options?.percentChangeColorMode ?? 'standard') !== 'standard') { // newer than the components
    wrong.push('another layout or colour of a stat than the standard');
  }
  for (const { matcher, properties } of panel.fieldConfig?.overrides ?? []) {
    wrong.push(...(fieldMatchers.getIfExists(matcher.id) ? [] : [`the matcher ${matcher.id}`]));
    wrong.push(...properties.filter((each: any) => !registry.getIfExists(each.id)).map((each: any) => `the override of ${each.id}`));
  }
  if (panel.type === 'row' && panel.collapsed) {
    wrong.push('a row that is folded');
  }
  if (panel.targets?.some((target: any) => target.legendFormat === '__auto')) {
    wrong.push('the legend __auto');
  }
  wrong.push(...(defaults.mappings ?? []).filter((each: any) => !['value', 'range', 'regex', 'special'].includes(each.type)).map((each: any) => `the mapping ${each.type}`));
  return wrong.map((each) => `can't draw ${each}`);
}

// What Grafana adds to a panel that does not say otherwise. A stat without thresholds is red from 80.
const thresholds = { mode: 'absolute', steps: [{ color: 'green', value: -Infinity }, { color: 'red', value: 80 }] };
const added: Record<string, any> = {
  stat: { thresholds, color: { mode: 'thresholds' } },
  timeseries: {
    thresholds, color: { mode: 'palette-classic' },
    custom: {
      drawStyle: 'line', lineInterpolation: 'linear', lineWidth: 1, fillOpacity: 0, gradientMode: 'none', showPoints: 'auto', pointSize: 5,
      spanNulls: false, stacking: { mode: 'none', group: 'A' }, axisPlacement: 'auto', axisLabel: '', scaleDistribution: { type: 'linear' },
      thresholdsStyle: { mode: 'off' },
    },
  },
};

// registry tells Grafana's applyFieldOverrides what there is to apply.
const registry = new FieldConfigOptionsRegistry(() => {
  const of = (id: string, process: any, isCustom = false): any => ({
    id: isCustom ? 'custom.' + id : id, path: id, name: id, isCustom, process, shouldApply: (field: any) => field.type !== FieldType.time, editor: () => null, override: () => null,
  });
  return [
    ...['unit', 'decimals', 'min', 'max', 'noValue', 'mappings', 'color'].map((id) => of(id, identityOverrideProcessor)),
    of('thresholds', thresholdsOverrideProcessor),
    ...Object.keys(added.timeseries.custom).concat('axisSoftMin', 'axisSoftMax', 'hideFrom').map((id) => of(id, identityOverrideProcessor, true)),
  ];
});

const theme = createTheme({ colors: { mode: 'dark' } });
setTimeZoneResolver(() => 'utc');
const range: TimeRange = (() => {
  const [from, to] = [dateTime(handed.from * 1000), dateTime(handed.to * 1000)];
  return { from, to, raw: { from, to } };
})();

// replaceVariables does nothing: no option that is known above may hold a variable.
const replaceVariables = (text: string) => text;

// frames gives the answers to a panel's targets as Grafana's data source does, with names, units and colours applied.
function frames(panel: any): DataFrame[] {
  const data = panel.targets.flatMap((target: any) => (handed.answers[`${panel.title} ${target.refId}`] ?? []).flatMap((series) => {
    const { __name__: metric = '', ...labels } = series.Metric;
    const name = target.legendFormat ? renderLegendFormat(target.legendFormat, series.Metric) : metric + (Object.keys(labels).length ? formatLabels(labels) : '') || target.expr;
    const values = (series.Values ?? []).filter(([at]) => !target.instant || at === handed.to);
    if (values.length === 0) {
      return [];
    }
    return createDataFrame({
      refId: target.refId, name,
      fields: [
        { name: 'Time', type: FieldType.time, config: { interval: handed.step * 1000 }, values: values.map(([at]) => at * 1000) },
        { name: 'Value', type: FieldType.number, labels: series.Metric, config: { displayNameFromDS: name }, values: values.map(([, value]) => Number(value.replace('Inf', 'Infinity'))) },
      ],
    });
  }));
  const defaults = panel.fieldConfig?.defaults ?? {};
  const custom = { ...added[panel.type].custom, ...defaults.custom };
  return applyFieldOverrides({
    data, theme, timeZone: 'utc', replaceVariables, fieldConfigRegistry: registry,
    fieldConfig: { defaults: { ...added[panel.type], ...defaults, custom }, overrides: panel.fieldConfig?.overrides ?? [] },
  });
}

function Stat({ panel, data, width, height }: any) {
  const options = panel.options;
  const values = () => getFieldDisplayValues({
    data, theme, timeZone: 'utc', replaceVariables, reduceOptions: options.reduceOptions,
    fieldConfig: { ...panel.fieldConfig, defaults: { ...added.stat, ...panel.fieldConfig.defaults } },
    sparkline: options.graphMode !== 'none', percentChange: options.showPercentChange,
  });
  return <VizRepeater
    getValues={values} getAlignmentFactors={getDisplayValueAlignmentFactors} width={width} height={height} source={data} autoGrid orientation={options.orientation} renderCounter={0}
    renderValue={({ value, width, height, alignmentFactors, count }: any) => <BigValue
      value={(value as FieldDisplay).display} sparkline={value.sparkline && { ...value.sparkline, timeRange: range }} width={width} height={height} count={count}
      colorMode={options.colorMode} graphMode={options.graphMode} justifyMode={options.justifyMode} textMode={options.textMode}
      alignmentFactors={alignmentFactors} theme={theme}
    />}
  />;
}

const drawing: Record<string, any> = {
  stat: Stat,
  timeseries: ({ panel, data, width, height }: any) => data.length === 0 ? <Nothing panel={panel} /> :
    <TimeSeries frames={data} structureRev={1} timeRange={range} timeZone="utc" width={width} height={height} legend={panel.options.legend} options={panel.options} />,
};
// Grafana lets the numbers of a stat come up to the frame.
const padding: Record<string, 'none' | 'md'> = { stat: 'none', timeseries: 'md' };

const nothing = (panel: any): string => panel.fieldConfig?.defaults?.noValue ?? 'No data';
const Nothing = ({ panel }: any) => <div style={{ height: '100%', display: 'flex', alignItems: 'center', justifyContent: 'center' }}>{nothing(panel)}</div>;

// What can't be thrown past React is kept for the report.
const thrown: Record<string, string> = {};
class Boundary extends React.Component<{ title: string; children: React.ReactNode }> {
  state = { error: '' };
  static getDerivedStateFromError(error: unknown) {
    return { error: (error as Error).message };
  }
  componentDidCatch(error: Error) {
    thrown[this.props.title] = (error as Error).message;
  }
  render() {
    return this.state.error ? <div style={{ color: theme.colors.error.text }}>{this.state.error}</div> : this.props.children;
  }
}

function Drawing({ panel, width, height }: any) {
  const problems = notDrawn(panel);
  if (problems.length > 0) {
    throw new Error(problems.join('; '));
  }
  const Of = drawing[panel.type];
  return <Of panel={panel} data={frames(panel)} width={width} height={height} />;
}

const Panel = ({ panel, width, height }: any) => <PanelChrome title={panel.title} description={panel.description} width={width} height={height} padding={padding[panel.type]}>
  {(innerWidth, innerHeight) => <Boundary title={panel.title}><Drawing panel={panel} width={innerWidth} height={innerHeight} /></Boundary>}
</PanelChrome>;

// The measures of Grafana's grid, in pixels: 24 columns, which become one on a narrow screen.
const [columns, cell, gap, narrow, edge] = [24, 30, 8, 769, 16];

const all: any[] = handed.dashboard.panels.flatMap((panel: any) => [panel, ...(panel.panels ?? [])]);

function Dashboard() {
  const wide = window.innerWidth - 2 * edge;
  const column = (wide - (columns - 1) * gap) / columns;
  const tall = (h: number) => h * cell + (h - 1) * gap;
  const one = window.innerWidth < narrow;
  let below = 0;
  return <div style={{ padding: edge }}>
    <div style={{ display: 'flex', gap: 16, alignItems: 'center', height: 40, marginBottom: gap, whiteSpace: 'nowrap', overflow: 'hidden' }}>
      <span style={{ fontSize: 18 }}>{handed.dashboard.title}</span>
      {handed.dashboard.templating.list.map((each: any) => <span key={each.name} style={{ color: theme.colors.text.secondary }}>{each.label}: {handed.variables[each.name]}</span>)}
    </div>
    <div style={{ position: 'relative', height: tall(one ? all.reduce((sum, panel) => sum + panel.gridPos.h, 0) : Math.max(...all.map((panel) => panel.gridPos.y + panel.gridPos.h))) }}>
      {all.map((panel) => {
        const { x, w, h } = panel.gridPos;
        const y = one ? below : panel.gridPos.y;
        below += h;
        const [width, height] = [one ? wide : w * column + (w - 1) * gap, tall(h)];
        return <div key={panel.id} id={`panel-${panel.id}`} style={{ position: 'absolute', left: one ? 0 : x * (column + gap), top: y * (cell + gap), width, height }}>
          {panel.type === 'row' ? <h6 style={{ lineHeight: `${height}px`, fontWeight: 500 }}>⌄ {panel.title}</h6> : <Panel panel={panel} width={width} height={height} />}
        </div>;
      })}
    </div>
  </div>;
}

// look reads from the finished document what a person would see of a panel.
function look(panel: any) {
  const element = document.getElementById(`panel-${panel.id}`)!;
  const problems = panel.type === 'row' ? notDrawn(panel) : thrown[panel.title] ? [thrown[panel.title]] : [];
  const title = element.querySelector('h6');
  if (!title?.textContent?.includes(panel.title) || title.scrollWidth > title.clientWidth) {
    problems.push('its title is cut off');
  }
  const bounds = element.getBoundingClientRect();
  const texts = [...element.querySelectorAll('*')].filter((each) => each.childElementCount === 0 && each.textContent);
  const cut = texts.filter((each) => {
    const place = each.getBoundingClientRect();
    return place.right > bounds.right + 1 || place.bottom > bounds.bottom + 1;
  });
  if (cut.length > 0) {
    problems.push(`${cut.length} texts are out of sight, the first is ${JSON.stringify(cut[0].textContent)}`);
  }
  const empty = texts.some((each) => each.textContent === nothing(panel));
  if (panel.type in drawing && problems.length === 0 && !empty) {
    const data = frames(panel);
    const shown = data.map((frame) => getFieldDisplayName(frame.fields[1], frame, data));
    const seen = [...element.querySelectorAll('div, button')].map((each) => each.textContent?.trim());
    data.forEach((series, i) => {
      if (panel.type === 'stat' && shown.length === 1 || series.fields[1].config.custom?.hideFrom?.legend) {
        return;
      }
      if (shown[i] === '' || /[{}]/.test(shown[i]) || shown.indexOf(shown[i]) !== i || !seen.includes(shown[i])) {
        problems.push(`the series ${JSON.stringify(shown[i])} can't be told from others`);
      }
    });
    if (panel.type === 'timeseries' && !element.querySelector('canvas')) {
      problems.push('it has no diagram');
    }
  }
  return { title: panel.title, problems, empty };
}

// Texts are measured as they are drawn, so the fonts are there first. Legends and diagrams take their places a little after.
Promise.all(['400', '500', '600'].map((weight) => document.fonts.load(`${weight} 14px Inter`))).then(() => {
  createRoot(document.getElementById('root')!).render(<ThemeContext.Provider value={theme}><GlobalStyles /><Dashboard /></ThemeContext.Provider>);
  setTimeout(() => {
    const { panels, ...rest } = handed.dashboard;
    const report = { height: document.documentElement.scrollHeight, problems: unknown(rest, known.dashboard).map((each) => `can't draw ${each}`), panels: all.map(look) };
    document.getElementById('report')!.textContent = JSON.stringify(report).replaceAll('<', '\\u003c');
  }, 2000);
});
