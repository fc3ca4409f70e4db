export { type ApiOnBehalf, type BrowserHeaders, onBehalfOf, type OnBehalfOfOptions } from './on-behalf-of.js';
