// The recipe of docs/front-ends/axios.md.
import { create } from 'axios';
import { RefreshAuthClient } from 'nestjs-refresh-auth/client';

const API = new URLSearchParams(location.search).get('api');

export const auth = new RefreshAuthClient({ origins: [API] });
export const api = create({ baseURL: API, adapter: 'fetch', env: { fetch: auth.fetch } });
