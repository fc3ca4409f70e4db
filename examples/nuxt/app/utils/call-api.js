// The recipe of docs/front-ends/nuxt.md.

/** Calls the API: from the server while a page renders, and by way of server/api in the browser. */
export function callApi(path, init) {
  return import.meta.server ? useRequestEvent().context.api.fetch(path, init) : fetch(`/api${path}`, init);
}
