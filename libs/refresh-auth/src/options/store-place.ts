import { InMemorySessionStore } from '../store/in-memory-session-store.js';
import { RedisSessionStore } from '../store/redis/redis-session-store.js';
import type { SessionStore } from '../store/session-store.js';

/** Returns where a store keeps its sessions, such as `in Redis at localhost:6379 (database 0)`. Contains no credentials. */
export function storePlace(store: SessionStore): string {
  if (store instanceof RedisSessionStore) return `in ${store.place}`;
  return store instanceof InMemorySessionStore ? 'in memory' : "in the application's own store";
}
