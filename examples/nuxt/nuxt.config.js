export default defineNuxtConfig({
  compatibilityDate: '2026-11-01',
  telemetry: false,
  // The origin of the API as this server reaches it: the environment variable NUXT_API.
  runtimeConfig: { api: '' },
});
