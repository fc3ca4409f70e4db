// The recipe of docs/front-ends/fetch.md.
const API = new URLSearchParams(location.search).get('api');

export async function api(path, init, isRetry = false) {
  const response = await fetch(API + path, { credentials: 'include', ...init });
  if (response.status !== 401 || isRetry) return response;
  const { code } = await response.clone().json();
  // The request waited too long. By now the browser may have a newer cookie.
  return code === 'token_superseded' ? api(path, init, true) : response;
}
