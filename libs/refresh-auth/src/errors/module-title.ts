/** Returns how errors and log lines name a module: an application may have several, each with a name of its own. */
export function moduleTitle(name?: string): string {
  return name === undefined ? 'RefreshAuthModule' : `RefreshAuthModule '${name}'`;
}
