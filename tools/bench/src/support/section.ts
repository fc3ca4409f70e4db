/** The findings of one part of the benchmark. */
export interface Section {
  /** Under which it is found in the results, and in the documentation. */
  readonly name: string;
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly remarks: readonly string[];
  /** The same in numbers, for programs. */
  readonly figures: unknown;
}

/** How thorough a run is, and where. `quick` shows that everything works, and measures nothing worth reading. */
export interface Effort {
  readonly quick: boolean;
  readonly redisUrl: string;
}

/** A section in Markdown, without its title. One without a head has only its remarks. */
export function toMarkdown({ head, rows, remarks }: Section): string {
  if (head.length === 0) return remarks.join('\n\n');
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  return [lines.join('\n'), ...remarks].join('\n\n');
}
