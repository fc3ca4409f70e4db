export { type ModuleHealthIndicator, RefreshAuthHealthIndicator } from './refresh-auth.health-indicator.js';
