// A client of its own process, since Jest cannot load what the cookie jar of axios needs. Prints what it saw, as JSON.
import { create } from 'axios';
import { wrapper } from 'axios-cookiejar-support';
import { CookieJar } from 'tough-cookie';

const [baseURL, expiredToken] = process.argv.slice(2);
const jar = new CookieJar();
const client = wrapper(create({ baseURL, jar, validateStatus: () => true }));
const seen = [];

async function see(response) {
  const { status, data, headers } = await response;
  const cookies = await jar.getCookies(baseURL);
  seen.push({ status, data, state: headers['x-token-state'], cookies: cookies.map(({ value }) => value) });
}

await see(client.post('/auth/login', { username: 'ada', password: 'lovelace' }));
await see(client.get('/me'));
await jar.setCookie(`__Host-authorization=${expiredToken}; Path=/; Secure; HttpOnly; SameSite=Lax`, baseURL);
await see(client.get('/me'));
await see(client.get('/me'));
await see(client.post('/auth/logout'));
await see(client.get('/me'));
console.log(JSON.stringify(seen));
