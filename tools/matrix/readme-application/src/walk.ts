// Signs in, is served, and signs out, with the routes that README.md shows.
import { deepStrictEqual, match } from 'node:assert';
import type { INestApplication } from '@nestjs/common';

async function codeOf(answer: Response): Promise<unknown> {
  return ((await answer.json()) as { code?: string }).code;
}

export async function walk(app: INestApplication): Promise<void> {
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  const call = (method: string, path: string, authorization?: string): Promise<Response> =>
    fetch(url + path, {
      method,
      headers: { 'content-type': 'application/json', ...(authorization && { authorization }) },
      ...(path === '/auth/login' && { body: JSON.stringify({ userId: 'ada' }) }),
    });

  deepStrictEqual(await codeOf(await call('GET', '/profile')), 'token_missing');
  const signedIn = await call('POST', '/auth/login');
  const token = signedIn.headers.get('authorization') ?? '';
  match(token, /^Bearer eyJ/);
  match(await (await call('GET', '/profile', token)).text(), /"state":"valid"/);
  deepStrictEqual((await call('POST', '/auth/logout', token)).status, 204);
  deepStrictEqual(await codeOf(await call('GET', '/profile', token)), 'session_revoked');
}
