export {
  RefreshAuthClient,
  type RefreshAuthClientEvent,
  type RefreshAuthClientOptions,
} from './refresh-auth-client.js';
export type { TokenStorage } from './token-storage.js';
