/** What one part of the benchmark found. */
export interface Section {
  /** Under which it is found in the results, and in the documentation. */
  readonly name: string;
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly remarks: readonly string[];
  /** The same in numbers, for programs. */
  readonly figures: object;
}

/** How thorough a run is. `quick` shows that everything works, and measures nothing worth reading. */
export interface Effort {
  readonly quick: boolean;
  readonly redisUrl: string;
}

/** A table in Markdown, its columns aligned for those who read it in a terminal. */
export function table({ head, rows }: Pick<Section, 'head' | 'rows'>): string {
  const lines = [head, head.map(() => ''), ...rows];
  const widths = head.map((_, column) => Math.max(3, ...lines.map((line) => line[column]?.length ?? 0)));
  const texts = lines.map((line, index) =>
    widths.map((width, column) => (index === 1 ? '-'.repeat(width) : (line[column] ?? '').padEnd(width))).join(' | '),
  );
  return texts.map((text) => `| ${text} |`).join('\n');
}

export function remarks(section: Section): string {
  return section.remarks.map((remark) => `- ${remark}`).join('\n');
}
