/** Draws how many codes are accepted a second as users, callers and processes grow, compared with the bare driver. */
import { quantile } from 'simple-statistics';
import { parse, View } from 'vega';
import { compile } from 'vega-lite';

const THEMES = {
  light: { text: '#1f2328', grid: '#d1d9e0', module: '#0969da', floor: '#818b98' },
  dark: { text: '#f0f6fc', grid: '#3d444d', module: '#4493f8', floor: '#9198a1' },
};

const PANELS = [
  { measurement: 'population', title: 'users in the table' },
  { measurement: 'callers', title: 'callers at a time' },
  { measurement: 'processes', title: 'processes, 16 callers each' },
];

/** @returns the plot as SVG, without a background */
export function growthPlot(rows, theme) {
  const colours = THEMES[theme];
  const spec = {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    description: 'Codes accepted a second, by the number of users, callers and processes.',
    background: null,
    hconcat: PANELS.map((panel, index) => panelOf(rows, panel, colours, index === 0)),
    config: configOf(colours),
  };
  return new View(parse(compile(spec).spec), { renderer: 'none' }).toSVG();
}

function panelOf(rows, { measurement, title }, colours, isFirst) {
  const values = rows.filter((row) => row.measurement === measurement).map(pointOf);
  return {
    width: 190,
    height: 200,
    data: { values },
    encoding: {
      x: { field: 'size', type: 'ordinal', sort: null, axis: { title, labelAngle: 0 } },
      color: {
        field: 'of',
        type: 'nominal',
        scale: { domain: ['nestjs-totp', 'bare driver'], range: [colours.module, colours.floor] },
        legend: { orient: 'top', title: null },
      },
    },
    layer: [
      { mark: { type: 'line', point: { size: 50 } }, encoding: { y: axisY('perSecond', isFirst) } },
      {
        mark: { type: 'rule', strokeWidth: 6, opacity: 0.4 },
        encoding: { y: axisY('low', isFirst), y2: { field: 'high' } },
      },
    ],
  };
}

function axisY(field, isTitled) {
  return {
    field,
    type: 'quantitative',
    axis: { title: isTitled ? 'codes accepted a second' : null },
    scale: { zero: true },
  };
}

/** A row such as "floor, 1,000 users". */
function pointOf({ name, median, samples }) {
  const values = samples.map(({ value }) => value);
  return {
    of: name.startsWith('floor') ? 'bare driver' : 'nestjs-totp',
    size: /[\d,]*\d/.exec(name)[0],
    perSecond: median,
    // The middle half of the rounds.
    low: quantile(values, 0.25),
    high: quantile(values, 0.75),
  };
}

function configOf({ text, grid }) {
  const font = 'system-ui, sans-serif';
  return {
    font,
    axis: {
      labelColor: text,
      titleColor: text,
      gridColor: grid,
      domainColor: grid,
      tickColor: grid,
      titleFontWeight: 'normal',
    },
    legend: { labelColor: text, labelFontSize: 12 },
    view: { stroke: null },
  };
}
