/** Returns the origin of a URL, as browsers write it in `Origin`; `undefined` if it has none, or has a user or password, as no browser sends it. */
export function originOf(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { protocol, host, username, password } = new URL(url);
  // `url.origin` would be "null" for the schemes of native shells, such as capacitor://localhost.
  return host === '' || username !== '' || password !== '' ? undefined : `${protocol}//${host}`;
}
