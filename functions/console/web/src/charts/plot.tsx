import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { compact, currentLanguage } from "../i18n";

/** A color of the theme, resolved: a canvas does not know custom properties. */
function color(name: string): string {
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

export interface Series {
  name: string;
  values: (number | null)[];
}

interface PlotProps {
  label: string;
  /** Positions; seconds since 1970 if `time`. In ascending order. */
  x: number[];
  series: Series[];
  kind: "line" | "bars" | "points";
  time?: boolean;
  format?: (value: number) => string;
}

const HEIGHT = 240;

/** A chart on a canvas. What it shows stands in a table as well, for those who cannot see it. */
export function Plot({ label, x, series, kind, time = true, format = compact }: PlotProps) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    let plot: uPlot | null = null;
    const draw = () => {
      plot?.destroy();
      plot = new uPlot(options(element.clientWidth, { x, series, kind, time, format }), [x, ...series.map((each) => each.values)] as uPlot.AlignedData, element);
    };
    draw();
    let width = element.clientWidth;
    const observer = new ResizeObserver(() => {
      if (element.clientWidth === width) return;
      width = element.clientWidth;
      plot?.setSize({ width, height: HEIGHT });
    });
    observer.observe(element);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", draw);
    addEventListener("themechange", draw);
    return () => {
      observer.disconnect();
      dark.removeEventListener("change", draw);
      removeEventListener("themechange", draw);
      plot?.destroy();
    };
  }, [x, series, kind, time, format]);
  return <div class="chart" role="img" aria-label={label} ref={box} />;
}

function options(width: number, { x, series, kind, time, format }: Omit<PlotProps, "label"> & { format: (value: number) => string }): uPlot.Options {
  const grid = { stroke: color("--line"), width: 1 };
  const axis = { stroke: color("--text-soft"), grid, ticks: grid, font: `12px ${getComputedStyle(document.body).fontFamily}` };
  const bars = uPlot.paths.bars?.({ size: [0.6, 48] });
  const months = new Intl.DateTimeFormat(currentLanguage(), { day: "numeric", month: "short", timeZone: "UTC" });
  return {
    width, height: HEIGHT,
    // Days are those of the organization, named in UTC.
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "UTC"),
    cursor: { y: false },
    legend: { show: series.length > 1 },
    scales: {
      x: { time, ...(kind === "bars" && x.length > 0 ? { range: (_: uPlot, low: number, high: number) => (time ? [low - 43_200, high + 43_200] : [low, high]) as uPlot.Range.MinMax } : {}) },
      y: { range: (_, low, high) => [Math.min(0, low), high > 0 ? high * 1.08 : 1] },
    },
    axes: [
      { ...axis, ...(time ? { values: (_: uPlot, splits: number[]) => splits.map((each) => months.format(each * 1000)), incrs: [86_400, 172_800, 604_800, 1_209_600, 2_592_000, 7_776_000, 31_536_000] } : {}), space: 64 },
      { ...axis, size: 64, values: (_, splits) => splits.map(format) },
    ],
    series: [
      {},
      ...series.map((each, index): uPlot.Series => {
        const stroke = color(`--series-${(index % 8) + 1}`);
        return {
          label: each.name, stroke, width: 2, value: (_, value) => (value === null ? "–" : format(value)),
          points: { show: kind === "points" || x.length < 2, size: 7, fill: stroke },
          ...(kind === "bars" ? { fill: stroke, width: 0, paths: bars } : {}),
          ...(kind === "points" ? { paths: () => null } : {}),
        };
      }),
    ],
  };
}
