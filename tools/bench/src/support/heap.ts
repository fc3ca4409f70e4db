/** Bytes that are in use once the garbage is collected. Needs `--expose-gc`. */
export function usedHeap(): number {
  if (!globalThis.gc) throw new Error('The benchmark runs with node --expose-gc');
  globalThis.gc();
  return process.memoryUsage().heapUsed;
}
