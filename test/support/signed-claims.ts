import { tagOf } from '../../libs/refresh-auth/src/tokens/session-id.js';

/** When the tests' clock starts, in seconds. */
export const START = Date.parse('2026-01-01T00:00:00Z') / 1000;

/** The claims of a token that was signed at the start with the default lifetimes. */
export const claims = {
  sub: '1',
  sid: `${tagOf('1')}c2Vzc2lvbi1zZXNzaW9uLQ`,
  gen: 0,
  rev: 0,
  jti: 'dG9rZW4tdG9rZW4tdG9rZQ',
  auth_time: START,
  iat: START,
  exp: START + 900,
  refresh_exp: START + 604_800,
};

/** The claims as JSON text, one of them replaced by what no serializer would write, or left out. */
export function claimsText(name: string, json: string | undefined): string {
  const others = Object.entries(claims).filter(([other]) => other !== name);
  const members = others.map(([other, value]) => `${JSON.stringify(other)}:${JSON.stringify(value)}`);
  return `{${[...members, ...(json === undefined ? [] : [`${JSON.stringify(name)}:${json}`])].join(',')}}`;
}
