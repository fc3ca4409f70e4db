/** The summary of several rounds. Half of them lie between `low` and `high`. */
export interface Summary {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

export function summarize(samples: readonly number[]): Summary {
  const sorted = [...samples].sort((left, right) => left - right);
  return { median: quantile(sorted, 0.5), low: quantile(sorted, 0.25), high: quantile(sorted, 0.75) };
}

/** @param sorted ascending, and not empty */
export function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.round(part * (sorted.length - 1))] ?? Number.NaN;
}

/** How far the middle half of the rounds lies apart, as a part of the median. */
export function spread({ median, low, high }: Summary): number {
  return (high - low) / median;
}

export function show({ median, low, high }: Summary, digits = 2): string {
  const [text, from, to] = [median, low, high].map((value) => number(value, digits));
  return from === to ? `${text}` : `${text} (${from}-${to})`;
}

export function number(value: number, digits = 0): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
