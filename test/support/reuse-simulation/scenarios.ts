import type { Conditions } from './honest-client.js';
import { MINUTE, SECOND } from './world.js';

const QUEUES = { queued: 0.2 };
const UPLOADS = { uploads: 0.2 };

/** The lives that honest clients may have. In all of them tabs wake together, and responses are lost. */
export const scenarios: Readonly<Record<string, Conditions>> = {
  'tabs that wake together, lost responses': {},
  'the same, refreshed ahead': { refreshAhead: true },
  'requests queued for 1 to 180 s': QUEUES,
  'uploads of 1 to 20 minutes': UPLOADS,
  'uploads behind a proxy that buffers': { ...UPLOADS, isBuffered: true },
  'queues and buffered uploads, repeated 10 s after a 401': {
    ...QUEUES,
    ...UPLOADS,
    isBuffered: true,
    retryAfter: 10 * SECOND,
  },
  'queues and buffered uploads, repeated 60 s after a 401': {
    ...QUEUES,
    ...UPLOADS,
    isBuffered: true,
    retryAfter: MINUTE,
  },
  'queues and buffered uploads, repeated 10 min after a 401': {
    ...QUEUES,
    ...UPLOADS,
    isBuffered: true,
    retryAfter: 10 * MINUTE,
  },
  'a rendering server, no-refresh': { rendered: 0.5, noRefresh: true },
  'a rendering server that keeps new tokens': { rendered: 0.5 },
  'two processes whose clocks differ by 60 s': { ...QUEUES, skew: MINUTE },
  'late responses that set the cookie back': { late: 0.2 },
  'lost and late reports of use': { ...QUEUES, reports: { lost: 0.3, late: 0.3 } },
  'two failovers that lose a minute': { ...QUEUES, failovers: 2 },
  // Without late responses: those, a queue and an upload can add up to more than the 30 minutes.
  'all of it, except for rendering that keeps new tokens and late responses': {
    ...QUEUES,
    ...UPLOADS,
    isBuffered: true,
    retryAfter: MINUTE,
    rendered: 0.2,
    noRefresh: true,
    skew: MINUTE,
    reports: { lost: 0.3, late: 0.3 },
    failovers: 1,
    refreshAhead: true,
  },
};
