// Drives an example that consists of static files, on another port than the API.
import { startApi } from './api.mjs';
import { serveSite } from './static-site.mjs';
import { visit } from './visit.mjs';

/**
 * @param {{ folder: string, browser: import('playwright-core').Browser }} example the folder of the files
 * @param {'cookie' | 'header'} delivery
 */
export async function driveSite({ folder, browser }, delivery) {
  const site = await serveSite(folder);
  const api = await startApi({ delivery, trustedOrigins: [site.url] });
  try {
    await visit(browser, `${site.url}/?api=${encodeURIComponent(api.url)}`, api, {
      signInUrl: `${api.url}/auth/login`,
      mutationUrl: `${api.url}/auth/logout-everywhere`,
      hasCookie: delivery === 'cookie',
    });
  } finally {
    await api.close();
    site.close();
  }
}
