import type { CacheFigures } from '../parts/cache.js';
import { DOCUMENTED, type HttpFigures, OURS_BY_DEFAULT } from '../parts/http.js';
import type { RefreshFigures } from '../parts/refreshes.js';
import type { PageFigures, PendingFigures } from '../parts/revocations.js';
import type { SessionFigures } from '../parts/sessions.js';
import type { Section } from '../support/section.js';
import { number } from '../support/statistics.js';
import { LIFETIMES } from '../support/tokens.js';
import { figures, named } from './figures.js';

/** The figures of a large deployment. */
const USERS_A_DAY = 10e6;
const SESSIONS_IN_WINDOW = 30e6;
const REQUESTS_A_USER = 200;
const REFRESHES_A_USER = 5;
const LOGOUTS_A_DAY = 500e3;
const PROCESSES = 100;
const PEAK = 4;
/** How far back a reading of the log goes after a notification, and with each poll. */
const NOTIFICATION_OVERLAP_SECONDS = 1;
const POLL_OVERLAP_SECONDS = 60;
const POLLS_A_SECOND = 1 / 2;
const DAY = 24 * 60 * 60;
const GIB = 2 ** 30;
const MIB = 2 ** 20;

/** Computes what that deployment needs from what was measured. */
export function sizing(sections: readonly Section[]): Section {
  const session = figures(sections, 'sessions') as SessionFigures;
  const refresh = named(figures(sections, 'refreshes') as RefreshFigures, 'refresh');
  const http = figures(sections, 'http-fastify') as HttpFigures;
  const ours = named(http, OURS_BY_DEFAULT);
  const documented = named(http, DOCUMENTED);
  const log = figures(sections, 'revocations') as PendingFigures;
  const pending = log.at(-1);
  const page = figures(sections, 'log-page') as PageFigures;

  const cache = figures(sections, 'cache') as CacheFigures;

  const logRetention = LIFETIMES.expiresIn + 120;
  const window = LIFETIMES.refreshWindow / DAY;
  const refreshes = peak(USERS_A_DAY * REFRESHES_A_USER);
  const requests = peak(USERS_A_DAY * REQUESTS_A_USER);
  const logouts = peak(LOGOUTS_A_DAY);
  const revocations = logouts * logRetention;
  const readings = (logouts + POLLS_A_SECOND) * PROCESSES;
  const entries =
    logouts * (logouts * NOTIFICATION_OVERLAP_SECONDS + POLLS_A_SECOND * POLL_OVERLAP_SECONDS) * PROCESSES;
  const perEntry = page.redis.median / page.entries;
  const cores = (microseconds: number): number => (requests * microseconds) / 1e6;
  const records = (SESSIONS_IN_WINDOW * session.perSession) / GIB;
  const revokedRecords = (LOGOUTS_A_DAY * window * session.revokedRecord) / GIB;

  const rows = [
    [
      'records of sessions',
      `${millions(SESSIONS_IN_WINDOW)} sessions x ${number(session.perSession)} bytes`,
      `${number(records, 1)} GiB`,
    ],
    [
      'revoked records of logouts',
      `${number(LOGOUTS_A_DAY)} a day x ${window} days x ${number(session.revokedRecord)} bytes`,
      `${number(revokedRecords, 1)} GiB`,
    ],
    [
      'Redis, memory',
      `${number(records, 1)} + ${number(revokedRecords, 1)} GiB`,
      `${number(records + revokedRecords, 1)} GiB`,
    ],
    [
      'refreshes at the peak',
      `${millions(USERS_A_DAY)} users x ${REFRESHES_A_USER} / ${number(DAY)} s x ${PEAK}`,
      `${number(refreshes)} a second`,
    ],
    [
      'Redis, CPU at the peak',
      `${number(refreshes)} x ${number(refresh.redis.median, 1)} us`,
      `${number((refreshes * refresh.redis.median) / 1e4)} % of a core`,
    ],
    [
      'requests at the peak',
      `${millions(USERS_A_DAY)} users x ${REQUESTS_A_USER} / ${number(DAY)} s x ${PEAK}`,
      `${number(requests)} a second`,
    ],
    [
      'CPU of the guard, all processes together',
      `${number(requests)} x ${number(ours.added.median, 1)} us`,
      `${number(cores(ours.added.median), 1)} cores`,
    ],
    [
      "the same with the documentation's guard and a KeyObject",
      `${number(requests)} x ${number(documented.added.median, 1)} us`,
      `${number(cores(documented.added.median), 1)} cores`,
    ],
    [
      'readings of the log at the peak: each process, after each logout and every 2 s',
      `(${number(LOGOUTS_A_DAY)} / ${number(DAY)} s x ${PEAK} + 1/2) x ${PROCESSES} processes`,
      `${number(readings)} a second`,
    ],
    [
      'Redis, CPU for them at the peak',
      `${number(entries)} entries a second x ${number(perEntry, 2)} us`,
      `${number((entries * perEntry) / 1e4)} % of a core`,
    ],
    [
      'revocations pending at the peak',
      `${number(LOGOUTS_A_DAY)} / ${number(DAY)} s x ${PEAK} x ${number(logRetention)} s`,
      number(revocations),
    ],
    [
      'memory for them, in each process',
      `${number(revocations)} x ${number(pending?.bytes ?? Number.NaN)} bytes`,
      `${number((revocations * (pending?.bytes ?? Number.NaN)) / MIB, 1)} MiB`,
    ],
    [
      'memory for verified tokens, in each process',
      `${number(cache.tokens)} tokens x ${number(cache.bytes)} bytes`,
      `${number((cache.tokens * cache.bytes) / MIB, 1)} MiB`,
    ],
  ];
  return {
    name: 'sizing',
    title: `A deployment of ${millions(USERS_A_DAY)} daily users`,
    head: ['', 'from', ''],
    rows,
    remarks: [],
    figures: rows,
  };
}

function peak(aDay: number): number {
  return (aDay / DAY) * PEAK;
}

function millions(value: number): string {
  return `${number(value / 1e6)} million`;
}
