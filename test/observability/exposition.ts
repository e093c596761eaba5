/** One line of `/metrics`. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/** Parses Prometheus's text format in the form that prom-client writes. */
export function samplesIn(text: string): Sample[] {
  return text.split('\n').flatMap((line) => {
    const [, name, labels = '', value] = LINE.exec(line) ?? [];
    if (name === undefined) return [];
    const pairs = Array.from(labels.matchAll(LABEL), ([, key = '', escaped = '']) => [
      key,
      JSON.parse(`"${escaped}"`) as string,
    ]);
    return [{ name, labels: Object.fromEntries(pairs), value: numberOf(value) }];
  });
}

/** Name of a series, `name{a="b"}`, with the labels in alphabetical order. */
export function seriesOf({ name, labels }: Omit<Sample, 'value'>): string {
  const pairs = Object.entries(labels).map(([key, value]) => [
    key,
    JSON.stringify(value),
  ]);
  return `${name}{${pairs
    .map((pair) => pair.join('='))
    .toSorted()
    .join(',')}}`;
}

function numberOf(text = ''): number {
  return /^[+-]?Inf$/.test(text) ? Number(`${text}inity`) : Number(text);
}
