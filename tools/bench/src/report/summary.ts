import { DOCUMENTED, type HttpFigures, OURS_BY_DEFAULT } from '../parts/http.js';
import type { RefreshFigures } from '../parts/refreshes.js';
import type { Section } from '../support/section.js';
import { number } from '../support/statistics.js';
import { figures, named } from './figures.js';

/** Says in two sentences what the library costs: for the README. */
export function summary(sections: readonly Section[]): Section {
  const http = figures(sections, 'http-fastify') as HttpFigures;
  const { redis } = named(figures(sections, 'refreshes') as RefreshFigures, 'refresh');
  const added = (name: string): string => number(named(http, name).added.median, 1);
  const sentences = [
    `On Fastify, a request with a valid token costs ${added(OURS_BY_DEFAULT)} us of CPU in this guard, and ${added(DOCUMENTED)} us in the guard of the NestJS documentation with a \`KeyObject\`.`,
    `A refresh is one command in Redis, and takes ${number(redis.median, 1)} us of its CPU.`,
  ];
  return { name: 'summary', title: 'In short', head: [], rows: [], remarks: [sentences.join(' ')], figures: sentences };
}
