// The recipe of docs/front-ends/native.md.
import { RefreshAuthClient } from 'nestjs-refresh-auth/client';

/** @param storage `AsyncStorage` of React Native, or better one in the key chain with the same three methods */
export function connect(api, storage) {
  const auth = new RefreshAuthClient({ origins: [api], storage, retries: 3 });
  return { auth, api: (path, init) => auth.fetch(api + path, init) };
}
