export { RefreshAuthHealthIndicator } from './refresh-auth.health-indicator.js';
